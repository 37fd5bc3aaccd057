// SPDX-License-Identifier: Apache-2.0

package plan

import "time"

// Earliest returns the earliest of the times that are not zero, or zero.
func Earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
