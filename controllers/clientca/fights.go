// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// mostWrites is the maximum number of writes of one Secret within writesIn. More mean that another client overwrites it.
	mostWrites = 5
	writesIn   = time.Minute
)

// fights counts the writes of each Secret.
type fights struct {
	mu     sync.Mutex
	writes map[types.NamespacedName][]time.Time
}

// take counts a write, or returns how long to wait before it.
func (f *fights) take(key types.NamespacedName, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writes == nil {
		f.writes = map[types.NamespacedName][]time.Time{}
	}
	for other, at := range f.writes {
		for len(at) > 0 && !now.Before(at[0].Add(writesIn)) {
			at = at[1:]
		}
		if f.writes[other] = at; len(at) == 0 {
			delete(f.writes, other)
		}
	}
	if at := f.writes[key]; len(at) >= mostWrites {
		return at[0].Add(writesIn).Sub(now)
	}
	f.writes[key] = append(f.writes[key], now)
	return 0
}
