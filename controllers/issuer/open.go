// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"fmt"
	"strings"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// Get returns the issuer's session. It opens one if there is none or the issuer's spec has changed. Refresh detects changed
// credentials. Errors are *CredentialsError, certs.FieldError or errors of Kubernetes.
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

// open opens a session, unless the current one matches. The caller must hold the entry's lock.
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
