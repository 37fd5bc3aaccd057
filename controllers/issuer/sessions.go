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

// Sessions keeps one session an issuer. The exported fields are required, but for those with a zero.
type Sessions struct {
	Client client.Client
	// Live reads Secrets past the cache, which only holds those that the controller made.
	Live client.Reader
	// ClusterResourceNamespace has the credentials of ClusterVaultIssuers, and where CertManagerNamespace is empty those of
	// cert-manager's ClusterIssuers.
	ClusterResourceNamespace string
	CertManagerNamespace     string
	// Bounds limit issuers in namespaces. Nil: nothing does.
	Bounds *Bounds
	// MaxInFlight is how many calls of one issuer may be under way for certificates. Zero: the default of vault.Config.
	MaxInFlight int
	UserAgent   string
	Clock       clock.Clock
	// Observe hears of every call to Vault, for metrics.
	Observe func(op string, status int, d time.Duration, err error)
	// Waited hears of every request to sign that has to wait for its turn, for metrics.
	Waited func()
	// Changed hears of each issuer whose Observation has another CA, CRL or role. It must not wait for long. Nil: none.
	Changed func(Key)
	// CAWarning is how long before the end of an issuer's CA its status warns. Zero: it does not.
	CAWarning time.Duration
	// Shard is the part of the cluster whose issuers are looked at. Nil: all of it.
	Shard *shard.Shard

	checks shares

	mu    sync.Mutex
	byKey map[Key]*entry
	soon  map[string]chan event.GenericEvent // by kind, see CheckSoon
}

// entry is one issuer's session. Its lock is held while a session is opened, so that it is opened once.
type entry struct {
	sync.Mutex
	session *vault.Session
	// identity is the issuer's UID and generation, version also those of its Secrets.
	identity, version string

	observation Observation // under the lock of Sessions
	checkedSoon time.Time   // likewise
}

// Forget ends the session of an issuer that is gone.
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
