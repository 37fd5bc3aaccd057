// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Next returns the next step of a plan. Each step runs once per run; a failed one is retried in a later run.
func Next(s *Snapshot, p *Plan, done *Results, now time.Time) Step {
	switch {
	case p.Secret == Issue && !done.Issued && s.expiryUnreported(p, now):
		// Calling an issuer may take long. The expiry of the certificate is reported before.
		done.Postponed = true
		return Stop
	case p.Secret != Keep && done.Ran(WriteSecret):
	case p.Secret != Keep && !s.Secret.Live && !s.CallsVault(p):
		return ObserveLive
	case p.Secret != Keep:
		return WriteSecret
	case p.limited() && s.Secret.Object != nil && !s.Secret.Live:
		return ObserveLive // the cache does not have who wrote the Secret
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

// limited reports whether the certificate is issued too often, whatever the cause.
func (p *Plan) limited() bool {
	return p.Blocked != nil && p.Blocked.Reason == v1alpha1.ReasonIssuanceLimited
}

// CallsVault reports whether Vault is called before the Secret is read again. Only when Vault is not too busy is the Secret
// read from the API server, before anything is signed.
func (s *Snapshot) CallsVault(p *Plan) bool {
	return p.Secret == Issue && s.Issuer.Issuing.CallsVault(s.Issuer.Request)
}

// expiryUnreported reports whether the certificate, or the last valid path of its chain, has expired since the last run.
func (s *Snapshot) expiryUnreported(p *Plan, now time.Time) bool {
	end := p.Decision.ValidUntil
	if recorded := s.Cert.Status.Issued.NotAfter; recorded != nil {
		end = Earliest(end, recorded.Time)
	}
	return !end.IsZero() && !now.Before(end) && s.Seen.At.Before(end)
}
