// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"time"
)

// history has results of earlier calls of a Session.
type history struct {
	mu              sync.Mutex
	chain           []*x509.Certificate // of the CA, from the last signature
	role            *Role               // nil if not read yet or not readable
	leased          bool                // the last certificate had a lease
	ref             string              // of the role's issuer
	lacksCapability bool                // the token was not allowed to sign

	refusal   *Error // of the last request to sign; nil for none
	refusedAt time.Time
}

// refusalTTL is how long a refused signature counts. Failed certificates are retried sooner.
const refusalTTL = 10 * time.Minute

// noteIssue records the result of a request to sign. Of errors it records only that the token was refused, because
// others may be caused by one request and not by the issuer.
func (s *history) noteIssue(now time.Time, response Response, leased bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *Error
	switch {
	case err == nil:
		s.chain, s.leased, s.refusal = response.Bundle.Issuers(), leased, nil
	case errors.As(err, &e) && e.Kind == Setup && e.Status == http.StatusForbidden:
		s.refusal, s.refusedAt = e, now
	}
}

// recentRefusal returns the refusal of the last request to sign, or nil if there was none or it was long ago.
func (s *history) recentRefusal(now time.Time) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.refusedAt) > refusalTTL {
		return nil
	}
	return s.refusal
}

// noteLogin discards the refusal of the previous token.
func (s *history) noteLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = nil
}

// noteCapability records whether the token is allowed to sign, and discards a refusal if it was not allowed before.
func (s *history) noteCapability(may bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if may && s.lacksCapability {
		s.refusal = nil
	}
	s.lacksCapability = !may
}

// noteRole records the role and its issuer as read by a check.
func (s *history) noteRole(role *Role, ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role, s.ref = role, ref
}

func (s *history) authorities() []*x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chain
}

// hasLeases reports whether certificates expire with the token, according to the role or else to the last issuance.
func (s *history) hasLeases(role *Role) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if role != nil {
		return role.GenerateLease
	}
	return s.leased
}

func (s *history) issuerRef() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ref
}

// hasNotAfter reports whether the role has a fixed NotAfter, with which Vault accepts no duration.
func (s *history) hasNotAfter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.role != nil && s.role.NotAfter != ""
}
