// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/x509"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// Observation returns the result of the last check of an issuer.
func (s *Sessions) Observation(issuer v1alpha1.Issuer) Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byKey[KeyOf(issuer)]; e != nil {
		return e.observation
	}
	return Observation{}
}

// checkTimeout bounds one check of an issuer.
const checkTimeout = 10 * time.Second

// check opens or refreshes the issuer's session, reads the state of Vault and stores it for all certificates of the issuer.
func (s *Sessions) check(ctx context.Context, issuer v1alpha1.Issuer) (vault.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	session, err := s.Refresh(ctx, issuer)
	var status vault.Status
	var crl *x509.RevocationList
	if err == nil {
		status, err = session.Check(ctx)
	}
	if err == nil {
		var unread error
		if crl, unread = session.CRL(ctx); unread != nil { // issuing does not depend on it
			ctrl.LoggerFrom(ctx).V(1).Info("the CRL cannot be read", "problem", unread.Error())
		}
	}
	s.note(issuer, status, crl, err)
	s.measure(issuer, err)
	return status, err
}

// note stores the result of a check. It retains what the check could not read.
func (s *Sessions) note(issuer v1alpha1.Issuer, status vault.Status, crl *x509.RevocationList, err error) {
	key := KeyOf(issuer)
	s.entry(key)
	s.mu.Lock()
	e := s.byKey[key]
	if e == nil { // removed in the meantime
		s.mu.Unlock()
		return
	}
	before := e.observation
	e.observation = s.after(before, issuer, status, crl, err)
	now := e.observation
	s.mu.Unlock()
	if s.Changed != nil && now.concerns(before) {
		s.Changed(key)
	}
}

// after returns the observation after a check.
func (s *Sessions) after(before Observation, issuer v1alpha1.Issuer, status vault.Status, crl *x509.RevocationList, err error) Observation {
	now := before
	if now.Ready = err == nil; !now.Ready {
		now.ReadySince = time.Time{}
		return now
	}
	if !before.Ready {
		now.ReadySince = s.Clock.Now()
	}
	now.Status = status
	if len(status.CAs) > 0 {
		now.CAs = status.CAs
	}
	switch {
	case before.CA() != now.CA():
		now.CASince = s.since(issuer, now.CA())
	case before.Chain() != now.Chain():
		now.CASince = s.Clock.Now().Truncate(time.Second)
	}
	if crl != nil && !sameCRL(crl, before.CRL) {
		now.CRL, now.Revocations = crl, certs.NewRevocations(crl)
	}
	return now
}

// since returns when the CA was first seen. The issuer's status preserves it across restarts.
func (s *Sessions) since(issuer v1alpha1.Issuer, fingerprint string) time.Time {
	if known := issuer.IssuerStatus().CA; known != nil && known.Fingerprint == fingerprint {
		return known.Since.Time
	}
	return s.Clock.Now().Truncate(time.Second)
}
