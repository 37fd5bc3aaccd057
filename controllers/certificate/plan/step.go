// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Next is the next step of a plan. Each is taken once a run: what fails is tried again in a later one.
func Next(s *Snapshot, p *Plan, done *Results, now time.Time) Step {
	switch {
	case p.Secret == Issue && !done.Issued && s.expiryUntold(p, now):
		// An issuer may take its time. That the certificate has expired is said before it is asked.
		done.Postponed = true
		return Stop
	case p.Secret != Keep && done.Took(WriteSecret):
	case p.Secret != Keep && !s.Secret.Live && !s.AsksVault(p):
		return LookAgain
	case p.Secret != Keep:
		return WriteSecret
	case p.limited() && s.Secret.Object != nil && !s.Secret.Live:
		return LookAgain // who wrote the Secret is seen past the cache alone
	}
	switch {
	case p.Drop && !done.Took(DropRequest):
		return DropRequest
	case p.Delivery != Nothing && !done.Took(Deliver):
		return Deliver
	case !done.Took(Settle):
		return Settle
	}
	return Stop
}

// limited reports whether a certificate is issued too often, whoever brings that about.
func (p *Plan) limited() bool {
	return p.Held != nil && p.Held.Reason == v1alpha1.ReasonIssuanceLimited
}

// AsksVault reports whether a Vault is asked first. Only when it has a turn is the Secret looked at again, before anything is
// signed: most of those that wait have none.
func (s *Snapshot) AsksVault(p *Plan) bool {
	return p.Secret == Issue && s.Issuer.Issuing.AsksVault(s.Issuer.Order)
}

// expiryUntold reports whether the certificate, or the last path above it, has expired since the last run.
func (s *Snapshot) expiryUntold(p *Plan, now time.Time) bool {
	end := p.Decision.ValidUntil
	if recorded := s.Cert.Status.Issued.NotAfter; recorded != nil {
		end = Earliest(end, recorded.Time)
	}
	return !end.IsZero() && !now.Before(end) && s.Seen.At.Before(end)
}
