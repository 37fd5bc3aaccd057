// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

const (
	minBackoff     = 5 * time.Second
	maxBackoff     = 5 * time.Minute
	expiredBackoff = 30 * time.Second
)

// Backoff returns the delay after the given number of consecutive failures: 5 s, 10 s, 20 s and so on up to 5 min. It
// is at most a twentieth of the remaining time until the certificate expires, but never less than 5 s. If the
// certificate has expired or does not exist (remaining is not positive), the maximum is 30 s.
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
