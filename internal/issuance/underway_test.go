// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

func TestPlanByRequest(t *testing.T) {
	const approved = "Approved=True/x"
	ask := Verdict{}
	for _, c := range []struct {
		name       string
		conditions []string // nil: nothing is on its way
		edit       func(*scene)
		uncounted  bool
		held       string // its reason
		pending    string // part of its message
	}{
		{"nothing yet", nil, nil, false, "", ""},
		{"new", []string{"-=-"}, nil, false, "", "waiting for the CertificateRequest to be approved"},
		{"approved", []string{approved}, nil, false, "", "waiting for its issuer"},
		{"pending", []string{approved, "Ready=False/Pending"}, nil, false, "", "waiting for its issuer"},
		{"answered", []string{approved, "Ready=True/Issued"}, nil, true, "", ""},
		{"answered, not approved", []string{"Ready=True/Issued"}, nil, false, "", "waiting for the CertificateRequest to be approved"},
		{"answered, denied", []string{approved, "Denied=True/x", "Ready=True/Issued"}, nil, false, v1alpha1.ReasonDenied, ""},
		{"denied", []string{"Denied=True/x", "Ready=False/Denied"}, nil, false, v1alpha1.ReasonDenied, ""},
		{"invalid", []string{"InvalidRequest=True/x"}, nil, false, v1alpha1.ReasonRefused, ""},
		{"failed", []string{approved, "Ready=False/Failed"}, nil, true, "", ""},
		{"denied, asked anew", []string{"Denied=True/x"}, func(s *scene) { s.annotate(v1alpha1.AnnotationRenewAt, now.Format(time.RFC3339)) }, false, "", ""},
		{"denied, other spec", []string{"Denied=True/x"}, func(s *scene) { s.order.Spec.DNSNames = []string{"b.example"} }, false, "", ""},
		{"denied, renewed a little earlier", []string{"Denied=True/x"}, func(s *scene) { before := time.Hour; s.order.Spec.RenewBefore = &before }, false, v1alpha1.ReasonDenied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, byCA)
			if c.conditions != nil {
				s.ask(t, c.conditions...)
			}
			if c.edit != nil {
				c.edit(s)
			}
			v := s.plan(t)
			if v.Uncounted != c.uncounted || (v == ask) != (!c.uncounted && c.held == "" && c.pending == "") {
				t.Errorf("%+v", v)
			}
			if (v.Blocked != nil) != (c.held != "") || v.Blocked != nil && (v.Blocked.Reason != c.held || !strings.HasSuffix(v.Blocked.Message, ": because")) {
				t.Errorf("held: %v", v.Blocked)
			}
			if (v.Pending != nil) != (c.pending != "") || v.Pending != nil && !strings.Contains(v.Pending.Message, c.pending) {
				t.Errorf("pending: %v", v.Pending)
			}
		})
	}
}

// What was refused stays so for a renewal that was asked for before.
func TestRefusedIsNotAskedAgain(t *testing.T) {
	s := newScene(t, byCA, func(s *scene) { s.annotate(v1alpha1.AnnotationRenewAt, now.Format(time.RFC3339)) })
	s.ask(t, "Denied=True/x")
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonDenied {
		t.Errorf("%+v", v)
	}
}

// A refusal may be over when a new certificate was asked for at a time ahead.
func TestRefusedUntil(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t, "Denied=True/x")
	at := now.Add(time.Minute)
	s.annotate(v1alpha1.AnnotationRenewAt, at.Format(time.RFC3339))
	if v := s.plan(t); v.Blocked == nil || !v.Until.Equal(at) {
		t.Errorf("%+v", v)
	}
	s.clock.SetTime(at)
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("at that time: %+v", v)
	}
}

// What is on its way is dropped once its certificate is in the Secret, or another issuer is asked.
func TestNeedless(t *testing.T) {
	s := newScene(t, byCA)
	if s.observe(t).Drop(s.order, false) {
		t.Error("nothing is on its way")
	}
	s.ask(t, "Approved=True/x")
	for _, c := range []struct {
		name string
		edit func(*scene)
		due  bool
		want bool
	}{
		{"due", func(*scene) {}, true, false},
		{"not due", func(*scene) {}, false, true},
		{"issuer not found", func(s *scene) { s.order.Issuer = nil }, true, false},
		{"another issuer", func(s *scene) { s.order.Issuer = &v1alpha1.VaultIssuer{} }, true, true},
	} {
		c.edit(s)
		if drop := s.observe(t).Drop(s.order, c.due); drop != c.want {
			t.Errorf("%s: drop %v", c.name, drop)
		}
	}
	if err := s.issuers.Drop(t.Context(), s.order); err != nil {
		t.Fatal(err)
	}
	if s.request(t) != nil || len(s.keySecrets(t)) != 0 {
		t.Error("something is left")
	}
}

// The digest is what the first versions have written: requests that are on their way survive an upgrade.
func TestDigestStays(t *testing.T) {
	s := newScene(t, byCA)
	const was = "822e0ce2102ef8899a35b0da9430696f91b659f78dfd410fd724c7b8d1ea6653"
	if is := s.order.digest(); is != was {
		t.Errorf("%s, was %s", is, was)
	}
	s.order.Spec.Key.Encoding = certs.PKCS1
	if s.order.digest() != was {
		t.Error("the encoding of the key is no part of what is asked for")
	}
	s.order.Spec.Key.Algorithm = certs.RSA
	if s.order.digest() == was {
		t.Error("the algorithm is")
	}
}
