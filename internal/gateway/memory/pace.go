// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"slices"
	"time"
)

const (
	// headStartLeast and headStartMost bound the head start of an ingress controller. Measured: a healthy one carries a
	// changed Secret in 30 ms (1.8), 90 ms (2.x), 300 ms with 1,000 objects. A patch meanwhile crosses a sync that is under
	// way and has read the old Secret: the gateway then goes new, old, new, as it did in 42% of the renewals under load.
	headStartLeast = 150 * time.Millisecond
	headStartMost  = time.Second
	// headStartFirst is given while nothing is known.
	headStartFirst = 500 * time.Millisecond
	// awayAfter certificates in a row that were not carried in time, the controller is taken for away, blocked or backing
	// off, and is given no time; but for one certificate every tryAgain, to notice that it is back.
	awayAfter = 3
	tryAgain  = 30 * time.Second
	// paces is how many carry times are remembered.
	paces = 16
)

// pace is how fast the ingress controller of a gateway carries changed Secrets. The zero value is ready; it is not safe
// for concurrent use.
type pace struct {
	recent []time.Duration // the last ones, at most paces
	misses int             // in a row
	tried  time.Time       // when it was last given time though it seemed away
}

// headStart is how long the controller is given for a certificate now.
func (p *pace) headStart(now time.Time) time.Duration {
	switch {
	case p.misses >= awayAfter && now.Sub(p.tried) < tryAgain:
		return 0
	case p.misses >= awayAfter:
		p.tried = now
		return headStartMost
	case len(p.recent) == 0:
		return headStartFirst
	}
	sorted := slices.Sorted(slices.Values(p.recent))
	usual := sorted[len(sorted)*9/10]
	return min(max(usual*3/2, headStartLeast), headStartMost)
}

// carried notes that the controller took this long, as seen from outside.
func (p *pace) carried(took time.Duration) {
	p.misses = 0
	p.add(min(took, headStartMost))
}

// missed notes that a certificate was not carried within the head start that it was given: it may be slower than that.
func (p *pace) missed(given time.Duration) {
	p.misses++
	p.add(min(given*3/2, headStartMost))
}

func (p *pace) add(took time.Duration) {
	p.recent = append(p.recent, took)
	if len(p.recent) > paces {
		p.recent = slices.Delete(p.recent, 0, len(p.recent)-paces)
	}
}
