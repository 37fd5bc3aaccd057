// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/shard"
)

// Sessions stores one session per issuer. The exported fields are required, unless their zero value has a meaning.
type Sessions struct {
	Client client.Client
	// Live reads Secrets from the API server, as the cache only contains those that the controller created.
	Live client.Reader
	// ClusterResourceNamespace has the credentials of ClusterVaultIssuers. If CertManagerNamespace is empty, it also has those of
	// cert-manager's ClusterIssuers.
	ClusterResourceNamespace string
	CertManagerNamespace     string
	// Bounds restrict namespaced issuers. Nil means no restrictions.
	Bounds *Bounds
	// MaxInFlight is the maximum number of concurrent calls for certificates of one issuer. Zero means the default of vault.Config.
	MaxInFlight int
	UserAgent   string
	Clock       clock.Clock
	// Observe is called after every call to Vault, for metrics.
	Observe func(op string, status int, d time.Duration, err error)
	// Waited is called for every signing request that has to wait for a rate limit, for metrics.
	Waited func()
	// Changed is called for each issuer whose CA, CRL or role has changed. It must not block for long. It may be nil.
	Changed func(Key)
	// CAWarning is how long before the expiry of an issuer's CA its status warns. Zero disables the warning.
	CAWarning time.Duration
	// Shard is the part of the cluster whose issuers are checked. Nil means all of it.
	Shard *shard.Shard

	checks shares

	mu    sync.Mutex
	byKey map[Key]*entry
	soon  map[string]chan event.GenericEvent // by kind, see CheckSoon
}

// entry is one issuer's session. Its lock is held while a session is opened, so that it is opened only once.
type entry struct {
	sync.Mutex
	session *vault.Session
	// identity is the issuer's UID and generation. version also includes the versions of its Secrets.
	identity, version string

	observation Observation // guarded by the lock of Sessions
	checkedSoon time.Time   // likewise
}

// Forget closes the session of a deleted issuer.
func (s *Sessions) Forget(key Key) {
	s.mu.Lock()
	e := s.byKey[key]
	delete(s.byKey, key)
	s.mu.Unlock()
	metrics.ForgetIssuer(metrics.Issuer(key))
	if e == nil {
		return
	}
	e.Lock()
	defer e.Unlock()
	if e.session != nil {
		e.session.Close()
	}
}

func (s *Sessions) entry(key Key) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = map[Key]*entry{}
	}
	if s.byKey[key] == nil {
		s.byKey[key] = &entry{}
	}
	return s.byKey[key]
}
