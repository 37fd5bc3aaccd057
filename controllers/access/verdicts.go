// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var createOptions = metav1.CreateOptions{}

// remembered returns a cached verdict that has not expired.
func (g *Guard) remembered(key [sha256.Size]byte) (verdict, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, ok := g.verdicts[key]
	return v, ok && g.Clock.Now().Before(v.until)
}

// remember caches a verdict and removes expired ones. It clears the cache if invalid tokens fill it.
func (g *Guard) remember(key [sha256.Size]byte, v verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.Clock.Now()
	for old, verdict := range g.verdicts {
		if !now.Before(verdict.until) {
			delete(g.verdicts, old)
		}
	}
	if g.verdicts == nil || len(g.verdicts) >= maxVerdicts {
		g.verdicts = map[[sha256.Size]byte]verdict{}
	}
	g.verdicts[key] = v
}

// slots returns the semaphore that bounds concurrent reviews.
func (g *Guard) slots() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reviews == nil {
		g.reviews = make(chan struct{}, maxReviews)
	}
	return g.reviews
}
