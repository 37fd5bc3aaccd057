// SPDX-License-Identifier: Apache-2.0

package source

import (
	"sync"
	"time"
)

// brake lets no more than mostDeletions ApisixCertificates be deleted within any brakeWindow: what removes the entries of a
// thousand sources at once is more often a slip than a wish, and takes a thousand hosts off the gateway. The rest is
// held for the time being, and goes on at that pace.
type brake struct {
	mu     sync.Mutex
	recent []time.Time // of the last deletions, the oldest first
}

const (
	mostDeletions = 20
	brakeWindow   = time.Minute
)

// take counts a deletion. Where there were too many it does not, and returns how long to wait.
func (b *brake) take(now time.Time) (wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.recent) == mostDeletions {
		if wait := b.recent[0].Add(brakeWindow).Sub(now); wait > 0 {
			return min(wait, brakeWindow) // the clock may have been set back
		}
		b.recent = b.recent[1:]
	}
	b.recent = append(b.recent, now)
	return 0
}
