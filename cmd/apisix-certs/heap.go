// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// leastRoom is how far a heap may grow between collections, however small it is, and roomPercent how far a large one may,
	// in percent of what lives. Go lets every heap double: with ten thousand certificates, whose caches live on, that is much
	// memory for nothing, and with ten a collection every few megabytes.
	leastRoom   = 16 << 20
	roomPercent = 20
)

// keepHeapSmall sets how often the heap is collected by its size, until ctx ends. GOGC in the environment is followed
// instead where it is set.
func keepHeapSmall(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := roomPercent
	debug.SetGCPercent(percent)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(live)
		if want := gcPercent(live[0].Value.Uint64()); want*10 < percent*9 || want*10 > percent*11 {
			percent = want
			debug.SetGCPercent(percent)
		}
	}
}

// gcPercent is the setting, as of GOGC, for so many bytes that live.
func gcPercent(live uint64) int {
	if live == 0 {
		return roomPercent // there was no collection yet
	}
	return int(max(roomPercent, min(400, 100*leastRoom/live)))
}
