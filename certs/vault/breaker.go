// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"errors"
	"sync"
	"time"
)

// breaker keeps callers from a Vault that does not answer: one at a time may try, after a pause that grows, until it does.
type breaker struct {
	mu       sync.Mutex
	failures int    // in a row; 0 while Vault answers
	op       string // that was not answered
	cause    *Error // of the last failure
	opensAt  time.Time
	probing  bool
	refused  int // since the last probe
}

const (
	initialPause = time.Second
	maxPause     = 15 * time.Second
	// apart is the time between two callers that are told to come again, so that thousands do not come at once.
	retrySpacing = 20 * time.Millisecond
)

// enter lets a call pass, to be followed by leave, or says when to come again and why.
func (b *breaker) enter(now time.Time) (cause *Error, notBefore time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return nil, time.Time{}
	}
	if !b.probing && !now.Before(b.opensAt) {
		b.probing, b.refused = true, 0
		return nil, time.Time{}
	}
	earliest := b.opensAt
	if soon := now.Add(initialPause); earliest.Before(soon) {
		earliest = soon
	}
	b.refused++
	return b.cause, earliest.Add(time.Duration(b.refused) * retrySpacing)
}

// leave ends a call that enter let pass, with its error.
func (b *breaker) release(now time.Time, op string, err error) {
	var e *Error
	if errors.As(err, &e) && e.unanswered() && !e.canceled() {
		b.note(now, op, e) // also where it waited for the exchange of another
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// note hears of every exchange with Vault. problem is nil where there was an answer, whatever it said. An answer to
// something else than what was not answered proves little: health may answer where signing hangs.
func (b *breaker) note(now time.Time, op string, problem *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if problem == nil {
		if op == b.op || op == opSign || op == opIssue {
			b.failures, b.cause = 0, nil
		}
		return
	}
	b.cause = problem
	if b.failures > 0 && now.Before(b.opensAt) {
		return // one of several that were in flight
	}
	b.op, b.opensAt = op, now.Add(min(initialPause<<min(b.failures, 10), maxPause))
	b.failures++
}
