// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// defaultRotationSpread is the default of Observed.RotationSpread.
const defaultRotationSpread = time.Hour

// rotationTime returns when a certificate is issued again after a CA rotation at since that affects many
// certificates. expiry is when the first clients can no longer verify its chain, and uid identifies its object.
func rotationTime(since, expiry time.Time, spread time.Duration, uid string) time.Time {
	if spread <= 0 {
		spread = defaultRotationSpread
	}
	limit := min(spread, max(0, expiry.Sub(since)/10))
	return since.Add(time.Duration(share(uid) * float64(limit))).Truncate(time.Second)
}

// share returns a number from 0 to 1 that depends only on uid, and 0 for an empty uid.
func share(uid string) float64 {
	if uid == "" {
		return 0
	}
	return (spread(uid) + 1) / 2
}
