// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"
)

// After is what was seen once a run is over.
func (s Seen) After(p Plan, done Results, now time.Time) Seen {
	next := Seen{At: now}
	for _, result := range done.Gateways {
		if result.Unserved() {
			next.Unserved, next.Rewritten = p.Target.Fingerprint, true
		}
	}
	next.UnservedSince = since(s.Unserved, s.UnservedSince, next.Unserved, now)
	if p.Held != nil {
		next.Held = p.Held.Reason
	} else if pending := done.PendingOr(p.Pending); pending != nil {
		next.Held = pending.Reason
	} else if done.RevokeErr != nil {
		next.Held = "Revoke"
	}
	next.HeldSince = since(s.Held, s.HeldSince, next.Held, now)
	for _, result := range done.Gateways {
		if RefusedBy(result) {
			next.PushHeld = result.Name
		}
	}
	next.PushHeldSince = since(s.PushHeld, s.PushHeldSince, next.PushHeld, now)
	return next
}

// since is from when on something is as it is; zero where it is nothing.
func since(was string, since time.Time, is string, now time.Time) time.Time {
	switch {
	case is == "":
		return time.Time{}
	case is == was:
		return since
	}
	return now
}
