// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"time"
)

const (
	// touchAfter is how long an ingress controller is given to carry a certificate by itself.
	touchAfter = 5 * time.Second
	// touchAgain is the least time between two touches of a gateway.
	touchInterval = time.Minute
)

// touches are those of a gateway in mode secret. The zero value is ready.
type touches struct {
	mu   sync.Mutex
	last time.Time
}

// turn reports whether it is time for one, and takes the turn.
func (t *touches) tryAcquire(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.last.IsZero() && now.Sub(t.last) < touchInterval {
		return false
	}
	t.last = now
	return true
}

// touch names an ApisixTls to be touched, nil for none: a gateway in standalone mode that was started anew has nothing, and its
// ingress controller notices only with its next period, an hour by default, or with a change of any source.
func (g *Gateway) touch(done Result, t Target) *Reference {
	if done.State.Mode != ModeSecret || done.Verb != ActionKeep || done.Proof.Served || done.Proof.Cause != NoCertificate || done.State.Age < touchAfter {
		return nil
	}
	// One that the controller does not serve would take the turn of all the others and bring nothing.
	their := theirs{known: &g.parts.inventory}
	for _, ref := range t.References {
		if ref.Kind == "ApisixTls" && !ref.Terminating && their.isServed(ref) && g.parts.touches.tryAcquire(g.Clock.Now()) {
			return &ref
		}
	}
	return nil
}
