// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

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
