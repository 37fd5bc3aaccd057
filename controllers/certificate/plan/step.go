// SPDX-License-Identifier: Apache-2.0

package plan

import "time"

// Next is the next step of a plan. Each is taken once a run: what fails is tried again in a later one.
func Next(s *Snapshot, p *Plan, done *Results, now time.Time) Step {
	switch {
	case p.Secret == Issue && !done.Issued && s.expiryUntold(now):
		// An issuer may take its time. That the certificate has expired is said before it is asked.
		done.Postponed = true
		return Stop
	case p.Secret != Keep && done.Took(WriteSecret):
	case p.Secret != Keep && !s.Secret.Live:
		return LookAgain
	case p.Secret != Keep:
		return WriteSecret
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

// expiryUntold reports whether the certificate has expired since the last run.
func (s *Snapshot) expiryUntold(now time.Time) bool {
	end := s.Cert.Status.Issued.NotAfter
	return end != nil && !now.Before(end.Time) && s.Seen.At.Before(end.Time)
}
