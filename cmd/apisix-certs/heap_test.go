// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 33, 1 << 20: 400, 12 << 20: 200, 24 << 20: 100, 72 << 20: 33, 1 << 30: 33} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB live: %d, want %d", live>>20, got, want)
		}
	}
}
