// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/x509"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// TestUpperCAIsFollowed: a CA above the one that signs counts for the issuer's end, and its renewal is a change of the CA.
func TestUpperCAIsFollowed(t *testing.T) {
	const day = 24 * time.Hour
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	root := certstest.NewCA(t, "root", start.Add(3000*day))
	policy := root.Intermediate(t, "policy", start.Add(20*day))
	issuing := policy.Intermediate(t, "issuing", start.Add(400*day))
	renewed := policy.CrossSigned(t, root, start.Add(800*day))
	clock := clocktesting.NewFakeClock(start)
	changes := 0
	s := &Sessions{Clock: clock, Changed: func(Key) { changes++ }}
	issuer := newIssuer(byToken)
	look := func(above ...*certstest.CA) Observation {
		list := []*x509.Certificate{issuing.Cert}
		for _, ca := range above {
			list = append(list, ca.Cert)
		}
		s.note(issuer, vault.Status{CAs: list}, nil, nil)
		return s.Observation(issuer)
	}
	first := look(policy, root)
	if got := caOf(first); !got.NotAfter.Time.Equal(policy.Cert.NotAfter) || got.CommonName != "issuing" {
		t.Errorf("%s until %s", got.CommonName, got.NotAfter)
	}
	clock.Step(day)
	if again := look(policy, root); !again.CASince.Equal(start) || changes != 1 {
		t.Errorf("since %s, %d changes, though nothing changed", again.CASince, changes)
	}
	second := look(renewed, root)
	if !second.CASince.Equal(start.Add(day)) || changes != 2 || second.CA() != first.CA() || second.Chain() == first.Chain() {
		t.Errorf("after the renewal: since %s, %d changes", second.CASince, changes)
	}
	if got := caOf(second); !got.NotAfter.Time.Equal(issuing.Cert.NotAfter) {
		t.Errorf("after the renewal: until %s", got.NotAfter)
	}
}
