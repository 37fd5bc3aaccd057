// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// Decision says whether to issue a certificate and when to decide again. Times are UTC, truncated to the second, and
// zero without a certificate that can be parsed.
type Decision struct {
	Issue   bool
	Reason  Reason // empty when Issue is false
	Message string // one stable sentence about Reason without times and serial numbers; empty when Issue is false

	// Skipped is the most severe reason that was ignored because of Observed.IssueOnce, or empty. SkippedMessage
	// describes it as Message describes Reason.
	Skipped        Reason
	SkippedMessage string

	NotBefore, NotAfter time.Time // of the leaf
	// ChainExpiry is when the first clients can no longer verify the certificate, and ValidUntil is when no client
	// can. Both are NotAfter, or earlier if a CA in the chain expires earlier. See Bundle.Expiry.
	ChainExpiry, ValidUntil time.Time
	// Expired says which certificate, the leaf or a CA, has expired so that no client can verify the leaf. It is
	// empty if none has, and independent of Reason.
	Expired string
	// RenewAt is never after ChainExpiry.
	RenewAt time.Time
	// Recheck is the next deadline after now: RenewAt, ChainExpiry, ValidUntil, NotAfter, a scheduled renewal, or the
	// time assigned after a CA rotation or a mass revocation. It is zero if there is none.
	Recheck time.Time
	// Bundle is the current certificate. It has no Key if the key is missing, malformed or stored elsewhere.
	Bundle Bundle
}

// Decide decides whether a certificate must be issued, by the first of Reasons that applies. It only reads o and is
// deterministic. Once a correct response to its decision is stored, it decides not to issue.
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
		if severity, skipped := skippedOnce[r.reason]; skipped && o.IssueOnce {
			if message != "" && severity >= skippedOnce[d.Skipped] {
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

// skippedOnce has the reasons that Observed.IssueOnce suppresses, and their severity.
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
