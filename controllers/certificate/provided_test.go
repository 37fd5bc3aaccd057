// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
)

// provided is a Secret that somebody else keeps, with a certificate of a day ago for 90 days.
func provided(t testing.TB, edits ...func(*scene)) *scene {
	s := newScene(t, func(s *scene) { s.cert.Spec.Push, s.issuer = true, nil })
	s.issue(t, now.Add(-day))
	s.secret.Labels, s.secret.Annotations = nil, nil
	for _, edit := range edits {
		edit(s)
	}
	return s
}

// reported is what status says after a run: what the Secret holds was pushed.
func (s *scene) reported() {
	p := s.decide()
	done := outcome{decision: p.decision, usable: true, gateways: []pushed{at("g")}}
	setRecord(&s.cert.Status, &s.observed, p, done, s.now)
	setRenewal(&s.cert.Status, &s.observed, done)
	meta.SetStatusCondition(&s.cert.Status.Conditions, providedCondition(p))
}

func TestProvided(t *testing.T) {
	spoil := func(s *scene) { s.secret.Data["tls.key"] = []byte("x") }
	lacking := func(s *scene) { s.spec.DNSNames = append(s.spec.DNSNames, "b.example") }
	replaced := func(s *scene) { s.issue(t, now); lacking(s) }
	for _, c := range []struct {
		name         string
		before       func(*scene) // nil: nothing was pushed
		put          func(*scene)
		usable, kept bool
		issued       metav1.ConditionStatus
		reason, says string
	}{
		{"good", nil, func(*scene) {}, true, false, metav1.ConditionTrue, v1alpha1.ReasonProvided, ""},
		{"no Secret", nil, func(s *scene) { s.secret = nil }, false, false, metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "Secret s: the Secret does not exist"},
		{"broken from the first", nil, spoil, false, false, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid, "mend the Secret"},
		{"a host lacks from the first", nil, lacking, true, false, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"over", nil, func(s *scene) { s.now = now.Add(91 * day) }, false, false, metav1.ConditionFalse, v1alpha1.ReasonExpired, "has expired"},
		{"broken later", (*scene).reported, spoil, false, true, metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, "what was pushed before stays"},
		{"gone later", (*scene).reported, func(s *scene) { s.secret = nil }, false, true, metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, "does not exist"},
		{"broken later, over since", (*scene).reported, func(s *scene) { spoil(s); s.now = now.Add(91 * day) }, false, false, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid, "tls.key"},
		{"another that lacks a host", (*scene).reported, replaced, false, true, metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, "b.example"},
		{"another that lacks a host, over since", (*scene).reported, func(s *scene) { s.now = now.Add(89*day + time.Hour); replaced(s) }, true, false, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"the same, and a host more is wanted", (*scene).reported, lacking, true, false, metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"another good one", (*scene).reported, func(s *scene) { s.issue(t, now) }, true, false, metav1.ConditionTrue, v1alpha1.ReasonProvided, ""},
		{"a host of another", nil, func(s *scene) { s.names.Conflict = "host of another" }, true, false, metav1.ConditionFalse, v1alpha1.ReasonConflict, "host of another"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := provided(t)
			if c.before != nil {
				c.before(s)
			}
			c.put(s)
			p := s.decide()
			got := providedCondition(p)
			if p.issue || p.relabel || p.drop {
				t.Errorf("it is written: %+v", p)
			}
			if p.usable(s.now) != c.usable || p.kept != c.kept || got.Status != c.issued || got.Reason != c.reason || !strings.Contains(got.Message, c.says) {
				t.Errorf("usable %v, kept %v, %s %s %q", p.usable(s.now), p.kept, got.Status, got.Reason, got.Message)
			}
		})
	}
}

// The deadlines are those of what is served.
func TestProvidedDeadlines(t *testing.T) {
	s := provided(t)
	if want := now.Add(59 * day); !s.decide().next.Equal(want) {
		t.Errorf("next %s, want 30 days before the end, %s", s.decide().next, want)
	}
	s.reported()
	s.secret = nil
	if want := now.Add(59 * day); !s.decide().next.Equal(want) {
		t.Errorf("of what is kept: next %s, want %s", s.decide().next, want)
	}
}

// Each mark makes one condition, and so one event.
func TestExpiring(t *testing.T) {
	s := provided(t)
	s.reported()
	for _, c := range []struct {
		left   time.Duration
		reason string
	}{{31 * day, ""}, {30 * day, v1alpha1.ReasonExpires30Days}, {8 * day, v1alpha1.ReasonExpires30Days}, {7 * day, v1alpha1.ReasonExpires7Days}, {time.Hour, v1alpha1.ReasonExpires1Day}} {
		setExpiring(s.cert, s.cert.Status.Issued.NotAfter.Add(-c.left))
		got := meta.FindStatusCondition(s.cert.Status.Conditions, v1alpha1.ConditionExpiring)
		if (got == nil) != (c.reason == "") || got != nil && got.Reason != c.reason {
			t.Errorf("%s left: %+v", c.left, got)
		}
	}
	s.cert.Spec.Push = false
	setExpiring(s.cert, s.cert.Status.Issued.NotAfter.Time)
	if meta.FindStatusCondition(s.cert.Status.Conditions, v1alpha1.ConditionExpiring) != nil {
		t.Error("a certificate that is renewed here warns")
	}
}

// What an issuer left on the Secret before is no reason to write or delete it.
func TestProvidedIsNeverOurs(t *testing.T) {
	s := fits(t)
	s.cert.Spec.Push = true
	p := s.decide()
	if p.relabel || p.issue || !s.right.MayPush() || certs.Fingerprint(p.decision.Bundle.Leaf) == "" {
		t.Errorf("%+v", p)
	}
	if end, _ := s.right.AtEnd(false); end != authority.Leave {
		t.Error(end)
	}
}
