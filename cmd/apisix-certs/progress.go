// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progressDelay is how long a command may take without a word.
const progressDelay = 2 * time.Second

// progress tells what a command is at, once it takes longer than a moment. On a terminal one line is written over and
// over, elsewhere a line for each step.
type progress struct {
	out   io.Writer
	timer *time.Timer

	mu    sync.Mutex
	shown bool
	step  string
}

func startProgress(out io.Writer, step string) *progress {
	p := &progress{out: out, step: step}
	p.timer = time.AfterFunc(progressDelay, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.shown = true
		p.write()
	})
	return p
}

// say names the next step.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := fmt.Sprintf(format, args...)
	if step == p.step {
		return
	}
	if p.step = step; p.shown {
		p.write()
	}
}

func (p *progress) write() {
	if p.step == "" {
		return
	}
	if isTerminal(p.out) {
		fmt.Fprintf(p.out, "\r\x1b[K%s ...", p.step)
		return
	}
	fmt.Fprintf(p.out, "%s ...\n", p.step)
}

// end takes the line away. It may be called again.
func (p *progress) end() {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && isTerminal(p.out) {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.shown, p.step = false, ""
}
