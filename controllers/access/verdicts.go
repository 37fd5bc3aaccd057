// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/sha256"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var createOptions = metav1.CreateOptions{}

// remembered is a verdict that still holds.
func (g *Guard) remembered(key [sha256.Size]byte) (verdict, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, ok := g.verdicts[key]
	return v, ok && g.Clock.Now().Before(v.until)
}

// remember forgets verdicts that are over, and all of them where made-up tokens fill the place.
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

// slots bound how many tokens the API server is asked about at a time.
func (g *Guard) slots() chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reviews == nil {
		g.reviews = make(chan struct{}, maxReviews)
	}
	return g.reviews
}
