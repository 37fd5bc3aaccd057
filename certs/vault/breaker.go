// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"errors"
	"sync"
	"time"
)

// breaker is a circuit breaker. While Vault does not respond, it lets one call at a time through, at increasing
// intervals.
type breaker struct {
	mu       sync.Mutex
	failures int    // consecutive; 0 while Vault responds
	op       string // that failed
	cause    *Error // of the last failure
	opensAt  time.Time
	probing  bool
	refused  int // since the last probe
}

const (
	initialPause = time.Second
	maxPause     = 15 * time.Second
	// retrySpacing is the time between the retry times of two refused callers, so that thousands do not retry at
	// once.
	retrySpacing = 20 * time.Millisecond
)

// enter admits a call, which must end with release, or returns when to retry and why.
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

// release ends a call that enter admitted, with its error.
func (b *breaker) release(now time.Time, op string, err error) {
	var e *Error
	if errors.As(err, &e) && e.unanswered() && !e.canceled() {
		b.note(now, op, e) // also if it waited for the exchange of another call
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// note records every exchange with Vault. problem is nil if Vault responded, whatever the response. A response to
// another operation than the one that failed does not close the breaker, unless it is to sign or issue: sys/health
// may respond while signing hangs.
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
		return // one of several calls in flight
	}
	b.op, b.opensAt = op, now.Add(min(initialPause<<min(b.failures, 10), maxPause))
	b.failures++
}
