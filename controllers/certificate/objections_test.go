// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// ofRole is what is known of an issuer's role, which allows a.example unless changed.
func ofRole(edits ...func(*vault.Role)) func(*scene) {
	role := &vault.Role{KeyType: "any", AllowedDomains: []string{"a.example"}, AllowBareDomains: true}
	for _, edit := range edits {
		edit(role)
	}
	return func(s *scene) { s.standing.Status.Role = role }
}

func grants(most time.Duration) func(*vault.Role) { return func(r *vault.Role) { r.MaxTTL = most } }

func allowsNothing(r *vault.Role) { r.AllowBareDomains = false }

func TestObjection(t *testing.T) {
	s := fits(t, lasts(1000*day), ofRole(allowsNothing, grants(day)))
	told := s.objection()
	if told == nil || told.reason != v1alpha1.ReasonRoleObjects || !strings.Contains(told.message, `spec.dnsNames[0] "a.example" is not allowed`) || strings.Contains(told.message, "duration") {
		t.Fatalf("%+v", told)
	}
	if !s.objectionChanged() {
		t.Error("what is not told yet is no change")
	}
	s.hadIssued(yes, told.reason, told.message)
	c := issuedCondition(s.observed, s.decide(), after(s.decide(), nil))
	if c.Status != yes || c.Reason != v1alpha1.ReasonRoleObjects || s.decide().held != nil {
		t.Errorf("%+v", c)
	}
	s.cert.Status.Conditions[0].ObservedGeneration = s.cert.Generation
	if s.objectionChanged() {
		t.Error("the same is a change")
	}
	s.standing.Status.Role = nil // after a restart
	if again := s.objection(); again == nil || *again != *told {
		t.Errorf("not kept while the role is not known: %+v", again)
	}
	ofRole()(s)
	if s.objection() != nil || !s.objectionChanged() {
		t.Error("told of a role that allows it")
	}
}

func lasts(d time.Duration) func(*scene) {
	return func(s *scene) { s.cert.Spec.Duration = durationOf(d) }
}

// TestForeseen: an answer that would not be taken is not asked for.
func TestForeseen(t *testing.T) {
	due := func(s *scene) { s.now = now.Add(70 * day) } // 19 days are left
	for _, c := range []struct {
		name  string
		edits []func(*scene)
		held  bool
		next  time.Duration
	}{
		{"role not known", []func(*scene){lasts(90 * day), due}, false, 0},
		{"role grants all", []func(*scene){lasts(90 * day), ofRole(grants(90 * day)), due}, false, 0},
		{"nothing asked for", []func(*scene){ofRole(grants(day)), due}, false, 0},
		{"role grants more than the old has left", []func(*scene){lasts(90 * day), ofRole(grants(20 * day)), due}, false, 0},
		{"role grants less than the old has left", []func(*scene){lasts(90 * day), ofRole(grants(day)), due}, true, 18 * day},
		{"and the old is not what is wanted", []func(*scene){lasts(90 * day), ofRole(grants(day)), due, otherHost}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fits(t)
			for _, edit := range c.edits {
				edit(s)
			}
			s.spec = specOf(s.cert)
			p := s.decide()
			if p.issue == c.held || (p.held != nil) != c.held {
				t.Fatalf("issue %v, held %+v", p.issue, p.held)
			}
			if !c.held {
				return
			}
			if next := p.next.Sub(s.now); next != c.next {
				t.Errorf("next in %s", next)
			}
			if c := issuedCondition(s.observed, p, after(p, nil)); c.Status != yes || c.Reason != v1alpha1.ReasonRenewalFailing || !strings.Contains(c.Message, "24h0m0s of the 2160h0m0s requested") {
				t.Errorf("%+v", c)
			}
			s.now = s.now.Add(c.next)
			if p := s.decide(); !p.issue {
				t.Errorf("not asked when it would be taken: %+v", p.held)
			}
		})
	}
}

func otherHost(s *scene) { s.cert.Spec.DNSNames = []string{"b.example"} }
