// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"time"
)

const (
	// touchAfter is how long an ingress controller may take to sync a certificate.
	touchAfter = 5 * time.Second
	// touchInterval is the minimum time between two touches of a gateway.
	touchInterval = time.Minute
)

// touches are those of a gateway in mode secret. The zero value is ready to use.
type touches struct {
	mu   sync.Mutex
	last time.Time
}

// tryAcquire reports whether a touch is due, and records it.
func (t *touches) tryAcquire(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() && now.Sub(t.last) < touchInterval {
		return false
	}
	t.last = now
	return true
}

// touch returns an ApisixTls to touch, or nil. A gateway in standalone mode is empty after a restart, and its ingress
// controller notices that only at its next sync period, an hour by default, or when a source changes.
func (g *Gateway) touch(done Result, t Target) *Reference {
	if done.State.Mode != ModeSecret || done.Verb != ActionKeep || done.Proof.Served || done.Proof.Cause != NoCertificate || done.State.Age < touchAfter {
		return nil
	}
	// Touching one that the controller does not serve would have no effect and block the others.
	their := theirs{known: &g.parts.inventory}
	for _, ref := range t.References {
		if ref.Kind == "ApisixTls" && !ref.Terminating && their.isServed(ref) && g.parts.touches.tryAcquire(g.Clock.Now()) {
			return &ref
		}
	}
	return nil
}
