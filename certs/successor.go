// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"time"
)

// CheckSuccessor reports whether an answer that passed CheckResponse may take the place of old, a certificate that is still as
// the spec wants it: one that was granted less than spec asks for must not end before it, its last path counting. The error is an *ResponseError,
// whose text is stable as long as old is there and the issuer grants the same. An old that has expired, or none, gives
// way to anything.
func CheckSuccessor(response, old Bundle, spec Spec, now time.Time) error {
	granted, short := shortLifetime(response, spec, now)
	if !short || old.Leaf == nil {
		return nil
	}
	_, ends := old.Expiry()
	if _, last := response.Expiry(); !last.Before(ends) {
		return nil
	}
	return &ResponseError{ShortLifetimeProblem(granted, spec.Duration, ends), ShortLifetimeFix(granted)}
}

// ShortLife says that a life was granted, or would be, that ends before the certificate that is there does, at ends.
func ShortLifetimeProblem(granted, asked time.Duration, ends time.Time) string {
	return fmt.Sprintf("it expires after %s of the %s requested, before the current certificate, which expires at %s",
		granted, asked, ends.UTC().Format(time.RFC3339))
}

// ShortLifeMend is what to do about ShortLife.
func ShortLifetimeFix(granted time.Duration) string {
	return fmt.Sprintf("set spec.duration to %s or less, or let the issuer grant a longer one (for Vault: the role's max_ttl, the mount's max_lease_ttl, the expiry of the CA)", granted)
}

// shortLife is the life that was granted, and whether that is less than what was asked for. A minute is for the way to the
// issuer and back, and keeps the text the same from one time to the next.
func shortLifetime(response Bundle, spec Spec, now time.Time) (granted time.Duration, short bool) {
	granted = response.Leaf.NotAfter.Sub(now).Round(time.Minute)
	return granted, granted < spec.Duration-time.Minute
}

// crampedRenewal says that the life that was granted has no room for spec's renewBefore; empty: it has.
func renewBeforeProblem(response Bundle, spec Spec, now time.Time) string {
	first, _ := response.Expiry()
	life := first.Sub(LifetimeStart(response.Leaf.NotBefore, now, now))
	if spec.RenewBefore == nil || *spec.RenewBefore < life {
		return ""
	}
	return fmt.Sprintf("renewBefore %s is not shorter than the life that the issuer granted: a third of that is used instead", *spec.RenewBefore)
}
