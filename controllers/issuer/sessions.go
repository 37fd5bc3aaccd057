// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/metrics"
	"apisix-certs.io/apisix-certs/controllers/shard"
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
}

// entry is one issuer's session. Its lock is held while a session is opened, so that it is opened once.
type entry struct {
	sync.Mutex
	session *vault.Session
	// identity is the issuer's UID and generation, version also those of its Secrets.
	identity, version string

	observation Observation // under the lock of Sessions
}

// Get returns the issuer's session, opening it first if there is none or if the issuer's spec has changed. Credentials
// that changed are picked up by Refresh. Errors are *CredentialsError, certs.FieldError or of Kubernetes.
func (s *Sessions) Get(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error) {
	e := s.entry(KeyOf(issuer))
	e.Lock()
	defer e.Unlock()
	if e.session != nil && e.identity == identityOf(issuer) {
		return e.session, nil
	}
	return s.open(ctx, e, issuer)
}

// Refresh reads the issuer's credentials again and opens a new session if they have changed.
func (s *Sessions) Refresh(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error) {
	e := s.entry(KeyOf(issuer))
	e.Lock()
	defer e.Unlock()
	return s.open(ctx, e, issuer)
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

// open is called with the entry's lock held. A session that still fits is kept, with its login.
func (s *Sessions) open(ctx context.Context, e *entry, issuer v1alpha1.Issuer) (*vault.Session, error) {
	config, versions, err := s.config(ctx, issuer)
	if err != nil {
		return nil, err
	}
	version := identityOf(issuer) + " " + strings.Join(versions, " ")
	if e.session != nil && e.version == version {
		return e.session, nil
	}
	session, err := vault.Open(config)
	if err != nil {
		return nil, err
	}
	if e.session != nil {
		go e.session.Close() // which talks to Vault
	}
	e.session, e.identity, e.version = session, identityOf(issuer), version
	return session, nil
}

func identityOf(issuer v1alpha1.Issuer) string {
	return fmt.Sprintf("%s/%d", issuer.GetUID(), issuer.GetGeneration())
}
