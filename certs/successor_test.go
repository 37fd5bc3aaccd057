// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestCheckSuccessor: a lifetime shorter than requested is accepted if it is no worse than the current one.
func TestCheckSuccessor(t *testing.T) {
	for _, row := range []struct {
		name        string
		asked       time.Duration
		granted     time.Duration // from now on
		old         time.Duration // what is left of the old one; 0: there is none
		refusedWith string
	}{
		{"nothing requested", 0, time.Hour, 10 * day, ""},
		{"as requested, and less than the old one has left", time.Hour, time.Hour, 10 * day, ""},
		{"shorter by what the way there and back took", 90 * day, 90*day - 40*time.Second, 100 * day, ""},
		{"shorter, and none is there", 90 * day, day, 0, ""},
		{"shorter, and the old one expires sooner", 90 * day, 2 * day, day, ""},
		{"shorter, and the old one expires at the same time", 90 * day, day, day, ""},
		{"shorter, and the old has expired", 90 * day, day, -time.Hour, ""},
		{"shorter, and the old lasts longer", 90 * day, day, 2 * day, "24h0m0s of the 2160h0m0s requested"},
	} {
		t.Run(row.name, func(t *testing.T) {
			response, old := lasting(t, row.granted), Bundle{}
			if row.old != 0 {
				old = lasting(t, row.old)
			}
			err := CheckSuccessor(response, old, Spec{Duration: row.asked}, now)
			var bad *ResponseError
			switch {
			case row.refusedWith == "" && err != nil:
				t.Error(err)
			case row.refusedWith == "":
			case !errors.As(err, &bad) || !strings.Contains(bad.Problem, row.refusedWith):
				t.Errorf("%v, want %q", err, row.refusedWith)
			case !strings.Contains(bad.Problem, old.Leaf.NotAfter.Format(time.RFC3339)), !strings.Contains(bad.Fix, "spec.duration"):
				t.Errorf("%v lacks the old expiry or the fix", err)
			}
			if later := CheckSuccessor(response, old, Spec{Duration: row.asked}, now.Add(10*time.Second)); row.old > 0 && (later == nil) != (err == nil) || later != nil && later.Error() != err.Error() {
				t.Errorf("not stable: %v, then %v", err, later)
			}
		})
	}
}

// lasting is a pair that expires so long from now.
func lasting(t *testing.T, left time.Duration) Bundle {
	s := newScene(t)
	a := &response{scene: s, public: s.key.Public()}
	a.resign(t, func(c *x509.Certificate) { c.NotAfter = now.Add(left) })
	return a.bundle
}

// TestRenewBeforeProblem: a renewBefore that is not shorter than the granted lifetime is reported.
func TestRenewBeforeProblem(t *testing.T) {
	b := lasting(t, 5*day)
	for before, want := range map[time.Duration]bool{day: false, 4000 * day: true} {
		if got := renewBeforeProblem(b, Spec{RenewBefore: &before}, now); (got != "") != want {
			t.Errorf("renewBefore %s: %q", before, got)
		}
	}
}
