// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"time"
)

// seen is what earlier calls of a Session showed.
type history struct {
	mu              sync.Mutex
	chain           []*x509.Certificate // of the CA, from the last signature
	role            *Role               // nil: not read yet, or not readable
	leased          bool                // the last signature came with a lease
	ref             string              // of the role's issuer
	lacksCapability bool                // the token said that it may not sign

	refusal   *Error // that the last request to sign met; nil where it met none
	refusedAt time.Time
}

// refusalLasts is how long the refusal of a signature counts after it was last seen. Certificates come again sooner.
const refusalTTL = 10 * time.Minute

// issued notes how a request to sign ended. Of errors a refusal of the token counts alone: the others may be the fault of
// one request, which must not look like one of the issuer.
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

// refused is the refusal that the last request to sign met, nil where there was none, or long ago.
func (s *history) recentRefusal(now time.Time) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.refusedAt) > refusalTTL {
		return nil
	}
	return s.refusal
}

// loggedIn forgets a refusal of another token.
func (s *history) noteLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = nil
}

// says notes whether the token says that it may sign, and forgets a refusal where it said before that it may not.
func (s *history) noteCapability(may bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if may && s.lacksCapability {
		s.refusal = nil
	}
	s.lacksCapability = !may
}

// read keeps what a check read of the role.
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

// leases reports whether certificates end with the token: the role says so, or else the last signature did.
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

// fixedEnd reports whether the role says when certificates end, beside which Vault takes no duration.
func (s *history) hasNotAfter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.role != nil && s.role.NotAfter != ""
}
