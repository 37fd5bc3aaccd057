// SPDX-License-Identifier: Apache-2.0

package source

import (
	"sync"
	"time"
)

// brake limits deletions of ApisixCertificates to mostDeletions within any brakeWindow. Removing the entries of a thousand
// sources at once is more likely a mistake than intended, and would take a thousand hosts off the gateway. Further deletions are
// delayed and continue at this rate.
type brake struct {
	mu     sync.Mutex
	recent []time.Time // times of the last deletions, oldest first
}

const (
	mostDeletions = 20
	brakeWindow   = time.Minute
)

// take counts a deletion. If the limit is reached it does not count it, and returns how long to wait.
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
