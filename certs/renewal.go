// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// RenewalTime is when a certificate should be renewed that was issued at issued and is of use until end, cut to the
// second: end less renewBefore, which is spec's, or a third of the life where spec has none or one that the granted life
// has no room for. The life is from issued to end. A NotBefore that the issuer dates back does not count, or a
// certificate could be due from the start: see LifetimeStart. end is the leaf's NotAfter, or earlier where a CA expires
// before: see Bundle.Expiry.
//
// The time is spread by up to a twentieth of the life, so that certificates issued together are not renewed together:
// earlier or later by default, only earlier where spec says how long before. The spread is derived from uid and so always
// the same for an object; an empty uid has none. The result lies between issued and end; it is end for a life of nothing.
// A life without an end, as NotAfter 9999-12-31 of RFC 5280 section 4.1.2.5, counts as 292 years, the longest
// time.Duration.
func RenewalTime(issued, end time.Time, spec Spec, uid string) time.Time {
	at, earlier, later := renewal(issued, end, spec)
	share := spread(uid)
	if share < 0 {
		at = at.Add(time.Duration(share * float64(earlier)))
	} else {
		at = at.Add(time.Duration(share * float64(later)))
	}
	return at.Truncate(time.Second)
}

// LifetimeStart is the time from which a certificate's life is counted: issuedAt, when it was issued, or its NotBefore where
// that is later, or where issuedAt is zero or after now and so cannot be right.
func LifetimeStart(notBefore, issuedAt, now time.Time) time.Time {
	if issuedAt.Before(notBefore) || issuedAt.After(now) {
		return notBefore
	}
	return issuedAt
}

// renewal is the time without spread, and how far it may be moved.
func renewal(issued, end time.Time, spec Spec) (at time.Time, earlier, later time.Duration) {
	life := end.Sub(issued)
	if life <= 0 {
		return end, 0, 0
	}
	before, explicit := renewBefore(life, spec)
	at = end.Add(-before)
	earlier = min(life/20, (life-before)/2)
	if explicit {
		// Moving later would break the promise; folding keeps the spread even.
		return at, earlier, -earlier
	}
	return at, earlier, min(life/20, before/2)
}

func renewBefore(life time.Duration, spec Spec) (before time.Duration, explicit bool) {
	if b := spec.RenewBefore; b != nil && *b > 0 && *b < life {
		return *b, true
	}
	if p := spec.RenewBeforePercentage; p != nil && *p > 0 && *p < 100 {
		return time.Duration(float64(life) * float64(*p) / 100), true
	}
	return life / 3, false
}

// spread is a number from -1 to 1 that depends on uid alone.
func spread(uid string) float64 {
	if uid == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(uid))
	return float64(int32(binary.BigEndian.Uint32(sum[:]))) / (1 << 31)
}

// ClockSkew is how far an issuer's clock may be ahead of ours. Most issuers date NotBefore back, which is fine.
const ClockSkew = 5 * time.Minute
