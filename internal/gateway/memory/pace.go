// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"slices"
	"time"
)

const (
	// headStartLeast and headStartMost bound the head start of an ingress controller. Measured: a healthy one syncs a
	// changed Secret in 30 ms (1.8), 90 ms (2.x), 300 ms with 1,000 objects. A patch during a sync that has read the old
	// Secret makes the gateway serve new, old, new, as in 42% of the renewals under load.
	headStartLeast = 150 * time.Millisecond
	headStartMost  = time.Second
	// headStartFirst is the head start before the first measurement.
	headStartFirst = 500 * time.Millisecond
	// absentAfter certificates in a row that were not synced in time, the controller is considered absent, blocked or backing
	// off, and gets no head start, except for one certificate every tryAgain, to notice its return.
	absentAfter = 3
	tryAgain    = 30 * time.Second
	// maxSamples is how many durations are remembered.
	maxSamples = 16
)

// pace measures how fast the ingress controller of a gateway syncs changed Secrets. The zero value is ready to use. It is
// not safe for concurrent use.
type pace struct {
	recent []time.Duration // the last ones, at most maxSamples
	misses int             // in a row
	tried  time.Time       // when it last got a head start although it seemed absent
}

// headStart returns the head start of the controller for a certificate.
func (p *pace) headStart(now time.Time) time.Duration {
	switch {
	case p.misses >= absentAfter && now.Sub(p.tried) < tryAgain:
		return 0
	case p.misses >= absentAfter:
		p.tried = now
		return headStartMost
	case len(p.recent) == 0:
		return headStartFirst
	}
	sorted := slices.Sorted(slices.Values(p.recent))
	usual := sorted[len(sorted)*9/10]
	return min(max(usual*3/2, headStartLeast), headStartMost)
}

// synced records how long the controller took, as observed here.
func (p *pace) synced(took time.Duration) {
	p.misses = 0
	p.add(min(took, headStartMost))
}

// missed records that a certificate was not synced within its head start: the controller may be slower than that.
func (p *pace) missed(given time.Duration) {
	p.misses++
	p.add(min(given*3/2, headStartMost))
}

func (p *pace) add(took time.Duration) {
	p.recent = append(p.recent, took)
	if len(p.recent) > maxSamples {
		p.recent = slices.Delete(p.recent, 0, len(p.recent)-maxSamples)
	}
}
