// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"
)

// progress tells how far something is that takes longer than 2 s.
type progress struct {
	what        string
	began, told time.Time
}

func (w *world) progress(what string) *progress {
	now := time.Now()
	return &progress{what: fmt.Sprintf("n=%d %s", w.n, what), began: now, told: now}
}

// at tells that so many of all are done.
func (p *progress) at(done, all int) {
	if time.Since(p.told) < 2*time.Second {
		return
	}
	p.told = time.Now()
	seconds := p.told.Sub(p.began).Seconds()
	fmt.Fprintf(os.Stderr, "%s: %d of %d after %.0f s (%.0f a second)\n", p.what, done, all, seconds, float64(done)/seconds)
}

// wait tells that it is not over yet.
func (p *progress) wait() {
	if time.Since(p.told) < 2*time.Second {
		return
	}
	p.told = time.Now()
	fmt.Fprintf(os.Stderr, "%s: %.0f s\n", p.what, p.told.Sub(p.began).Seconds())
}

// say tells of a step.
func (w *world) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "n=%d %s\n", w.n, fmt.Sprintf(format, args...))
}
