// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

func parents(list ...*certstest.CA) []*x509.Certificate {
	var all []*x509.Certificate
	for _, ca := range list {
		all = append(all, ca.Cert)
	}
	return all
}

// faults break a scene in one way each, in the order of the rules, so that all of them can be put upon each other.
var faults = []struct {
	want  Reason
	wreck func(testing.TB, *scene)
}{
	{SecretMissing, func(_ testing.TB, s *scene) { s.SecretExists = false }},
	{CertificateMissing, func(_ testing.TB, s *scene) { s.CertPEM = []byte(" \n") }},
	{KeyMissing, func(_ testing.TB, s *scene) { s.KeyPEM = nil }},
	{CertificateUnparsable, func(_ testing.TB, s *scene) { s.CertPEM = []byte("-----BEGIN CERTIFICATE-----\nAAAA") }},
	{KeyUnparsable, func(_ testing.TB, s *scene) { s.KeyPEM = []byte("no PEM") }},
	{KeyMismatch, func(t testing.TB, s *scene) { s.KeyPEM = mustKey(t, KeySpec{}).PEM(PKCS8) }},
	{WrongIssuer, func(_ testing.TB, s *scene) { s.WantedIssuer = "another" }},
	{WrongCertificate, func(_ testing.TB, s *scene) { s.WantedFor = "another" }},
	{KeySpecDiffers, func(_ testing.TB, s *scene) { s.Spec.Key = KeySpec{Algorithm: RSA} }},
	{NamesDiffer, func(_ testing.TB, s *scene) { s.Spec.DNSNames = []string{"a.example.com"} }},
	{UsagesDiffer, func(_ testing.TB, s *scene) { s.Spec.Usages = []Usage{ServerAuth, ClientAuth} }},
	{ChainBroken, func(_ testing.TB, s *scene) { s.CAPEM = certstest.PEM(s.other.Cert) }},
	{IssuerRotated, func(_ testing.TB, s *scene) { s.CurrentCA = parents(s.other) }},
	{IssuerEnding, func(t testing.TB, s *scene) { s.endingCA(t, s.end.Add(-time.Hour)); s.CurrentCA = parents(s.root) }},
	{Revoked, func(_ testing.TB, s *scene) { s.Observed.Revoked = true }},
	{NotYetValid, func(_ testing.TB, s *scene) { s.now = s.start.Add(-ClockSkew - time.Second) }},
	{Expired, func(_ testing.TB, s *scene) { s.now = s.end }},
	{RenewalDue, func(_ testing.TB, s *scene) { s.now = Decide(s.Observed, s.now).RenewAt }},
	{RenewalRequested, func(_ testing.TB, s *scene) { s.RenewRequestedAt = s.start.Add(time.Second) }},
}

func TestRules(t *testing.T) {
	for _, f := range faults {
		t.Run(string(f.want), func(t *testing.T) {
			s := newScene(t)
			if d := Decide(s.Observed, s.now); d.Issue {
				t.Fatalf("a certificate that is all right: %s, %s", d.Reason, d.Message)
			}
			f.wreck(t, s)
			d := Decide(s.Observed, s.now)
			if !d.Issue || d.Reason != f.want || d.Message == "" {
				t.Errorf("Decide = %v, %q, %q; want %q and a message", d.Issue, d.Reason, d.Message, f.want)
			}
		})
	}
}

// Names are not enough to know a CA by.
func TestRulesSeeThroughNames(t *testing.T) {
	forged := certstest.NewCA(t, "sub", now.Add(1000*day))
	for want, wreck := range map[Reason]func(*scene){
		ChainBroken:   func(s *scene) { s.CertPEM = certstest.PEM(s.bundle.Leaf); s.CAPEM = certstest.PEM(forged.Cert) },
		IssuerRotated: func(s *scene) { s.CurrentCA = parents(forged) },
	} {
		s := newScene(t)
		wreck(s)
		if d := Decide(s.Observed, s.now); d.Reason != want {
			t.Errorf("Decide says %q, want %q", d.Reason, want)
		}
	}
}

func TestNamesDiffer(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Spec)
		want   string
	}{
		{"more names", func(s *Spec) { s.DNSNames = append(s.DNSNames, "c.example.com", "d.example.com") }, "the certificate lacks names: c.example.com, d.example.com"},
		{"many names", func(s *Spec) { s.URIs = []string{"a:6", "a:5", "a:4", "a:3", "a:2", "a:1"} }, "the certificate lacks names: a:1, a:2, a:3, a:4, a:5, and more"},
		{"fewer names", func(s *Spec) { s.DNSNames = s.DNSNames[:1] }, "the certificate has names that were not requested: *.b.example.com"},
		{"common name", func(s *Spec) { s.CommonName = "Some Body" }, "the certificate has a different common name"},
		{"no common name, that of none", func(s *Spec) { s.DNSNames = s.DNSNames[1:] }, "the certificate has a different common name"},
		{"subject", func(s *Spec) { s.Subject = Subject{Countries: []string{"DE"}, SerialNumber: "1"} }, "the certificate has a different subject: countries, serialNumber"},
	} {
		s := newScene(t)
		row.change(&s.Spec)
		if d := Decide(s.Observed, s.now); d.Reason != NamesDiffer || d.Message != row.want {
			t.Errorf("%s: %s, %q", row.name, d.Reason, d.Message)
		}
	}
}

func TestRulesOrder(t *testing.T) {
	s := newScene(t)
	var order []Reason
	for _, f := range slices.Backward(faults) {
		f.wreck(t, s)
		if d := Decide(s.Observed, s.now); d.Reason != f.want {
			t.Errorf("with everything from %s on wrong, Decide says %s", f.want, d.Reason)
		}
		order = append(order, f.want)
	}
	slices.Reverse(order)
	if diff := cmp.Diff(order, Reasons()); diff != "" {
		t.Errorf("Reasons (-tested +has):\n%s", diff)
	}
}

func TestRulesLeaveAlone(t *testing.T) {
	for name, change := range map[string]func(testing.TB, *scene){
		"key outside":             func(_ testing.TB, s *scene) { s.KeyExternal, s.KeyPEM = true, nil },
		"adopted":                 func(_ testing.TB, s *scene) { s.IssuedBy, s.IssuedFor, s.IssuedDigest = "", "", "" },
		"no CA beside":            func(_ testing.TB, s *scene) { s.CAPEM = nil },
		"CA not known":            func(_ testing.TB, s *scene) { s.CurrentCA = nil },
		"no wish for a key":       func(t testing.TB, s *scene) { s.key = mustKey(t, KeySpec{Algorithm: RSA}); s.issue(t) },
		"encoding":                func(_ testing.TB, s *scene) { s.Spec.Key.Encoding = PKCS1 },
		"other order of names":    func(_ testing.TB, s *scene) { slices.Reverse(s.Spec.DNSNames) },
		"upper case":              func(_ testing.TB, s *scene) { s.Spec.DNSNames[0] = "A.example.COM" },
		"CN of a host":            func(_ testing.TB, s *scene) { s.Spec.CommonName = "a.example.com" },
		"clocks that differ":      func(_ testing.TB, s *scene) { s.now = s.start.Add(-ClockSkew) },
		"request served":          func(_ testing.TB, s *scene) { s.RenewRequestedAt = s.start },
		"served in its second":    func(_ testing.TB, s *scene) { s.RenewRequestedAt = s.start.Add(700 * time.Millisecond) },
		"request ahead":           func(_ testing.TB, s *scene) { s.RenewRequestedAt = s.now.Add(time.Hour) },
		"subject never granted":   func(t testing.TB, s *scene) { s.spec.Subject.Organizations = []string{"ACME"}; s.issue(t) },
		"usage never granted":     func(t testing.TB, s *scene) { s.spec.Usages = []Usage{ServerAuth, ClientAuth}; s.issue(t) },
		"CA renewed, same key":    func(t testing.TB, s *scene) { s.CurrentCA = parents(s.sub, s.root.Renewed(t, s.end.Add(day))) },
		"CA ending, no longer":    func(t testing.TB, s *scene) { s.endingCA(t, s.end.Add(-time.Hour)) },
		"root in the chain":       func(_ testing.TB, s *scene) { s.CertPEM = append(s.CertPEM, certstest.PEM(s.root.Cert)...) },
		"issuing CA as ca.crt":    func(_ testing.TB, s *scene) { s.CAPEM = certstest.PEM(s.sub.Cert) },
		"several CAs as ca.crt":   func(_ testing.TB, s *scene) { s.CAPEM = certstest.PEM(s.other.Cert, s.root.Cert) },
		"text between the blocks": func(_ testing.TB, s *scene) { s.CertPEM = append([]byte("subject: a\n"), s.CertPEM...) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			change(t, s)
			if d := Decide(s.Observed, s.now); d.Issue {
				t.Errorf("Decide: %s, %s", d.Reason, d.Message)
			}
		})
	}
}

// endingCA is a CA that expires before its leaf, without a longer one: a new certificate would be no better.
func (s *scene) endingCA(t testing.TB, end time.Time) {
	ending := s.root.Renewed(t, end)
	leaf := ending.Sign(t, s.bundle.Leaf, s.bundle.Leaf.PublicKey)
	s.CertPEM, s.CAPEM, s.CurrentCA = certstest.PEM(leaf), certstest.PEM(ending.Cert), parents(ending)
}
