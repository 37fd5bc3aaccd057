// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// RenewalTime is when a certificate of that life should be renewed, cut to the second: NotAfter less renewBefore, which
// is spec's, or a third of the life where spec has none or one that the granted life has no room for. It is spread by
// up to a twentieth of the life, so that certificates issued together are not renewed together: earlier or later by
// default, only earlier where spec says how long before. The spread is derived from uid and so always the same for an
// object; an empty uid has none. The result lies between notBefore and notAfter; it is notAfter for a life of nothing.
func RenewalTime(notBefore, notAfter time.Time, spec Spec, uid string) time.Time {
	at, earlier, later := renewal(notBefore, notAfter, spec)
	share := spread(uid)
	if share < 0 {
		at = at.Add(time.Duration(share * float64(earlier)))
	} else {
		at = at.Add(time.Duration(share * float64(later)))
	}
	return at.Truncate(time.Second)
}

// renewal is the time without spread, and how far it may be moved.
func renewal(notBefore, notAfter time.Time, spec Spec) (at time.Time, earlier, later time.Duration) {
	life := notAfter.Sub(notBefore)
	if life <= 0 {
		return notAfter, 0, 0
	}
	before, explicit := renewBefore(life, spec)
	at = notAfter.Add(-before)
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

const (
	minBackoff     = 5 * time.Second
	maxBackoff     = 5 * time.Minute
	expiredBackoff = 30 * time.Second
)

// Backoff is how long to wait after the given number of failures in a row: 5 s, 10 s, 20 s, up to 5 min, and at most a
// twentieth of what remains until the certificate expires, but never under 5 s. Where nothing remains, because it
// expired or never was, the most is 30 s: more haste would only add load.
func Backoff(failures int, remaining time.Duration) time.Duration {
	most := min(maxBackoff, max(minBackoff, remaining/20))
	if remaining <= 0 {
		most = expiredBackoff
	}
	wait := minBackoff
	for i := 1; i < failures && wait < most; i++ {
		wait *= 2
	}
	return min(wait, most)
}
