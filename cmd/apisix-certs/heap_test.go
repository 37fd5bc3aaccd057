// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

func TestGCPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 20, 1 << 20: 400, 8 << 20: 200, 16 << 20: 100, 80 << 20: 20, 1 << 30: 20} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB live: %d, want %d", live>>20, got, want)
		}
	}
}
