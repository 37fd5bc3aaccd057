// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"
)

// After returns what is known after a run.
func (s Seen) After(p Plan, done Results, now time.Time) Seen {
	next := Seen{At: now}
	for _, result := range done.Gateways {
		if result.Unserved() {
			next.Unserved, next.Rewritten = p.Target.Fingerprint, true
		}
	}
	next.UnservedSince = since(s.Unserved, s.UnservedSince, next.Unserved, now)
	if p.Blocked != nil {
		next.Blocked = p.Blocked.Reason
	} else if pending := done.PendingOr(p.Pending); pending != nil {
		next.Blocked = pending.Reason
	} else if done.RevokeErr != nil {
		next.Blocked = "Revoke"
	}
	next.BlockedSince = since(s.Blocked, s.BlockedSince, next.Blocked, now)
	for _, result := range done.Gateways {
		if RefusedBy(result) {
			next.PushBlocked = result.Name
		}
	}
	next.PushBlockedSince = since(s.PushBlocked, s.PushBlockedSince, next.PushBlocked, now)
	return next
}

// since returns when the current value was first seen, or zero if there is none.
func since(was string, since time.Time, is string, now time.Time) time.Time {
	switch {
	case is == "":
		return time.Time{}
	case is == was:
		return since
	}
	return now
}
