// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// RenewalTime returns when to renew a certificate that was issued at issued and expires at expiry, truncated to the
// second. That is renewBefore before expiry. renewBefore comes from spec. If spec has none, or one that is not
// shorter than the lifetime, it is a third of the lifetime. The lifetime is measured from issued, because a backdated
// NotBefore could make a certificate due at once: see LifetimeStart. expiry is the leaf's NotAfter, or earlier if a
// CA expires earlier: see Bundle.Expiry.
//
// The time is spread by up to a twentieth of the lifetime, so that certificates issued together are not renewed
// together. It moves earlier or later by default, and only earlier if spec sets when to renew. The spread depends
// only on uid, and an empty uid has none. The result is between issued and expiry, and is expiry if the lifetime is
// not positive. A certificate that does not expire, with NotAfter 9999-12-31 (RFC 5280 section 4.1.2.5), counts as
// valid for 292 years, the longest time.Duration.
func RenewalTime(issued, expiry time.Time, spec Spec, uid string) time.Time {
	at, earlier, later := renewal(issued, expiry, spec)
	share := spread(uid)
	if share < 0 {
		at = at.Add(time.Duration(share * float64(earlier)))
	} else {
		at = at.Add(time.Duration(share * float64(later)))
	}
	return at.Truncate(time.Second)
}

// LifetimeStart returns the time from which a certificate's lifetime is measured. That is issuedAt, or notBefore if
// it is later or if issuedAt is zero or after now.
func LifetimeStart(notBefore, issuedAt, now time.Time) time.Time {
	if issuedAt.Before(notBefore) || issuedAt.After(now) {
		return notBefore
	}
	return issuedAt
}

// renewal returns the renewal time without spread, and how far it may be moved earlier and later.
func renewal(issued, expiry time.Time, spec Spec) (at time.Time, earlier, later time.Duration) {
	lifetime := expiry.Sub(issued)
	if lifetime <= 0 {
		return expiry, 0, 0
	}
	before, explicit := renewBefore(lifetime, spec)
	at = expiry.Add(-before)
	earlier = min(lifetime/20, (lifetime-before)/2)
	if explicit {
		// renewBefore is a minimum. A negative maximum for later moves the time earlier instead, which keeps the spread even.
		return at, earlier, -earlier
	}
	return at, earlier, min(lifetime/20, before/2)
}

func renewBefore(lifetime time.Duration, spec Spec) (before time.Duration, explicit bool) {
	if b := spec.RenewBefore; b != nil && *b > 0 && *b < lifetime {
		return *b, true
	}
	if p := spec.RenewBeforePercentage; p != nil && *p > 0 && *p < 100 {
		return time.Duration(float64(lifetime) * float64(*p) / 100), true
	}
	return lifetime / 3, false
}

// spread returns a number from -1 to 1 that depends only on uid.
func spread(uid string) float64 {
	if uid == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(uid))
	return float64(int32(binary.BigEndian.Uint32(sum[:]))) / (1 << 31)
}

// ClockSkew is how far an issuer's clock may be ahead of the controller's.
const ClockSkew = 5 * time.Minute
