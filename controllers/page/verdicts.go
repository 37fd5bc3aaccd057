// SPDX-License-Identifier: Apache-2.0

package page

import (
	"crypto/sha256"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var createOptions = metav1.CreateOptions{}

// remembered is a verdict that still holds.
func (a *Access) remembered(key [sha256.Size]byte) (verdict, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.verdicts[key]
	return v, ok && a.Clock.Now().Before(v.until)
}

// remember forgets verdicts that are over, and all of them where made-up tokens fill the place.
func (a *Access) remember(key [sha256.Size]byte, v verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Clock.Now()
	for old, verdict := range a.verdicts {
		if !now.Before(verdict.until) {
			delete(a.verdicts, old)
		}
	}
	if a.verdicts == nil || len(a.verdicts) >= maxVerdicts {
		a.verdicts = map[[sha256.Size]byte]verdict{}
	}
	a.verdicts[key] = v
}

// slots bound how many tokens the API server is asked about at a time.
func (a *Access) slots() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reviews == nil {
		a.reviews = make(chan struct{}, maxReviews)
	}
	return a.reviews
}
