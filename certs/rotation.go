// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// defaultRotationSpread is that of Observed.RotationSpread.
const defaultRotationSpread = time.Hour

// rotationTurn is when a certificate is issued again among all that a rotation concerns: ends is when the clients of its
// chain begin to be lost, and uid is its object's.
func rotationTime(since, ends time.Time, spread time.Duration, uid string) time.Time {
	if spread <= 0 {
		spread = defaultRotationSpread
	}
	most := min(spread, max(0, ends.Sub(since)/10))
	return since.Add(time.Duration(share(uid) * float64(most))).Truncate(time.Second)
}

// share is a number from 0 to 1 that depends on uid alone; 0 for an empty one.
func share(uid string) float64 {
	if uid == "" {
		return 0
	}
	return (spread(uid) + 1) / 2
}
