// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Next is the next step of a plan. Each is taken once a run: what fails is tried again in a later one.
func Next(s *Snapshot, p *Plan, done *Results, now time.Time) Step {
	switch {
	case p.Secret == Issue && !done.Issued && s.expiryUnreported(p, now):
		// An issuer may take its time. That the certificate has expired is said before it is asked.
		done.Postponed = true
		return Stop
	case p.Secret != Keep && done.Ran(WriteSecret):
	case p.Secret != Keep && !s.Secret.Live && !s.CallsVault(p):
		return ObserveLive
	case p.Secret != Keep:
		return WriteSecret
	case p.limited() && s.Secret.Object != nil && !s.Secret.Live:
		return ObserveLive // who wrote the Secret is seen past the cache alone
	}
	switch {
	case p.Drop && !done.Ran(DropRequest):
		return DropRequest
	case p.Delivery != Nothing && !done.Ran(Deliver):
		return Deliver
	case !done.Ran(Settle):
		return Settle
	}
	return Stop
}

// limited reports whether a certificate is issued too often, whoever brings that about.
func (p *Plan) limited() bool {
	return p.Blocked != nil && p.Blocked.Reason == v1alpha1.ReasonIssuanceLimited
}

// CallsVault reports whether a Vault is asked first. Only when it has a turn is the Secret looked at again, before anything is
// signed: most of those that wait have none.
func (s *Snapshot) CallsVault(p *Plan) bool {
	return p.Secret == Issue && s.Issuer.Issuing.CallsVault(s.Issuer.Request)
}

// expiryUnreported reports whether the certificate, or the last path above it, has expired since the last run.
func (s *Snapshot) expiryUnreported(p *Plan, now time.Time) bool {
	end := p.Decision.ValidUntil
	if recorded := s.Cert.Status.Issued.NotAfter; recorded != nil {
		end = Earliest(end, recorded.Time)
	}
	return !end.IsZero() && !now.Before(end) && s.Seen.At.Before(end)
}
