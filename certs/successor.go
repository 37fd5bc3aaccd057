// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"time"
)

// CheckSuccessor reports whether a response that passed CheckResponse may replace old, a certificate that still
// matches spec. A response with a shorter lifetime than spec requests must not expire before old, where the last path
// of each counts. The error is a *ResponseError. Its text is stable while old exists and the issuer grants the same
// lifetime. If old has expired or has no leaf, any response may replace it.
func CheckSuccessor(response, old Bundle, spec Spec, now time.Time) error {
	granted, short := shortLifetime(response, spec, now)
	if !short || old.Leaf == nil {
		return nil
	}
	_, expiry := old.Expiry()
	if _, last := response.Expiry(); !last.Before(expiry) {
		return nil
	}
	return &ResponseError{ShortLifetimeProblem(granted, spec.Duration, expiry), ShortLifetimeFix(granted)}
}

// ShortLifetimeProblem describes a lifetime, granted or allowed by the issuer, with which the new certificate would
// expire before the current one.
func ShortLifetimeProblem(granted, requested time.Duration, expiry time.Time) string {
	return fmt.Sprintf("the certificate would be valid for %s of the %s requested and expire before the current certificate, which expires at %s",
		granted, requested, expiry.UTC().Format(time.RFC3339))
}

// ShortLifetimeFix returns how to fix ShortLifetimeProblem.
func ShortLifetimeFix(granted time.Duration) string {
	return fmt.Sprintf("set spec.duration to %s or less, or raise the issuer's limit (for Vault: the role's max_ttl, the mount's max_lease_ttl or the CA's expiry)", granted)
}

// shortLifetime returns the granted lifetime and whether it is shorter than requested. A tolerance of one minute
// allows for the time of the request, and keeps the text stable.
func shortLifetime(response Bundle, spec Spec, now time.Time) (granted time.Duration, short bool) {
	granted = response.Leaf.NotAfter.Sub(now).Round(time.Minute)
	return granted, granted < spec.Duration-time.Minute
}

// renewBeforeProblem describes a renewBefore that is not shorter than the granted lifetime. It is empty if there is
// no problem.
func renewBeforeProblem(response Bundle, spec Spec, now time.Time) string {
	first, _ := response.Expiry()
	lifetime := first.Sub(LifetimeStart(response.Leaf.NotBefore, now, now))
	if spec.RenewBefore == nil || *spec.RenewBefore < lifetime {
		return ""
	}
	return fmt.Sprintf("renewBefore %s is not shorter than the granted lifetime; one third of the lifetime is used instead", *spec.RenewBefore)
}
