// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// defaultRotationSpread is that of Observed.RotationSpread.
const defaultRotationSpread = time.Hour

// rotated tells whether another CA than the issuer's current one signed the leaf.
func (f facts) rotated() bool {
	return f.followsCA() && !signedBy(f.bundle.Leaf, f.CurrentCA[0])
}

// ending tells whether the CA ends before the leaf. It asks only for what issuing would better: without a longer CA a
// new certificate would be no different.
func (f facts) ending() bool {
	if f.issuer == nil || !f.followsCA() || !f.issuer.NotAfter.Before(f.bundle.Leaf.NotAfter) {
		return false
	}
	return f.CurrentCA[0].NotAfter.After(f.issuer.NotAfter)
}

// followsCA tells whether issuing under the current CA was not tried yet.
func (f facts) followsCA() bool {
	return len(f.CurrentCA) > 0 && f.IssuedUnder != Fingerprint(f.CurrentCA[0])
}

// rotates tells whether the turn of this certificate has come.
func (f facts) rotates() bool { return !f.now.Before(f.rotateAt) }

// rotationTime is the turn of this certificate among all that a rotation concerns, zero where it concerns this one not.
func (f facts) rotationTime() time.Time {
	if !f.rotated() && !f.ending() {
		return time.Time{}
	}
	most := f.RotationSpread
	if most <= 0 {
		most = defaultRotationSpread
	}
	left := end(f.bundle.Leaf, f.issuer).Sub(f.CurrentCASince)
	turn := time.Duration(share(f.UID) * float64(min(most, max(0, left/10))))
	return f.CurrentCASince.Add(turn).Truncate(time.Second)
}

// share is a number from 0 to 1 that depends on uid alone; 0 for an empty one.
func share(uid string) float64 {
	if uid == "" {
		return 0
	}
	return (spread(uid) + 1) / 2
}
