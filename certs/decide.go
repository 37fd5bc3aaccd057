// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// Decision is whether to issue and when to look again. Times are UTC, cut to the second, and zero where there is no
// certificate that can be parsed.
type Decision struct {
	Issue   bool
	Reason  Reason // empty when Issue is false
	Message string // one stable sentence about Reason, without times and serials; empty when Issue is false

	// Skipped is the gravest reason that Observed.Once left without consequence; empty: there is none. SkippedMessage is
	// about it as Message is about Reason.
	Skipped        Reason
	SkippedMessage string

	NotBefore, NotAfter time.Time // of the leaf
	// ChainExpiry is when the first clients are lost, and ValidUntil is when no path verifies any more: both NotAfter, or
	// earlier where a CA of the chain expires before. See Bundle.Expiry.
	ChainExpiry, ValidUntil time.Time
	// Expired says what has expired, the certificate or a CA, so that no client verifies any more; empty: nothing has. It is
	// set whatever Reason is.
	Expired string
	// RenewAt is never after ChainExpiry.
	RenewAt time.Time
	// Recheck is the next deadline after now, of RenewAt, ChainExpiry, ValidUntil, NotAfter, a planned renewal and the turn
	// after a rotation of the CA or the revocation of many; zero when none lies ahead.
	Recheck time.Time
	// Bundle is what there is; without a Key when that is missing, damaged or outside.
	Bundle Bundle
}

// Decide says whether a certificate must be issued, by the first of Rules that finds something. It only reads o, and
// gives the same answer for the same input. After a right answer to its decision was applied, it decides not to issue.
func Decide(o Observed, now time.Time) Decision {
	f := gather(o, now)
	d := Decision{Bundle: f.bundle}
	if leaf := f.bundle.Leaf; leaf != nil {
		d.NotBefore, d.NotAfter, d.ChainExpiry, d.ValidUntil = leaf.NotBefore, leaf.NotAfter, f.first, f.last
		d.Expired = f.expired()
		d.RenewAt = f.renewAt
		d.Recheck = nextAfter(now, f.renewAt, f.first, f.last, leaf.NotAfter, o.RenewRequestedAt, f.rotateAt, f.revokedAt)
	}
	for _, r := range rules {
		message := r.finds(f)
		if grave, skipped := skippedOnce[r.reason]; skipped && o.IssueOnce {
			if message != "" && grave >= skippedOnce[d.Skipped] {
				d.Skipped, d.SkippedMessage = r.reason, message
			}
			continue
		}
		if message != "" {
			d.Issue, d.Reason, d.Message = true, r.reason, message
			return d
		}
	}
	return d
}

// onceSkips are the reasons that Observed.Once leaves without consequence, and how grave they are.
var skippedOnce = map[Reason]int{IssuerRotated: 1, IssuerEnding: 1, RenewalDue: 2, Revoked: 3, Expired: 4}

func nextAfter(now time.Time, times ...time.Time) time.Time {
	var next time.Time
	for _, t := range times {
		t = t.Truncate(time.Second)
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}
