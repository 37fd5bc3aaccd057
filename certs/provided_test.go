// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// providedFaults break a good pair, one for each reason in their order.
var providedFaults = []struct {
	reason   Reason
	spoil    func(t testing.TB, s *scene)
	says     string
	unusable bool
}{
	{SecretMissing, func(_ testing.TB, s *scene) { s.SecretExists = false }, "does not exist", true},
	{CertificateMissing, func(_ testing.TB, s *scene) { s.CertPEM = nil }, "no certificate", true},
	{KeyMissing, func(_ testing.TB, s *scene) { s.KeyPEM = []byte(" ") }, "no private key", true},
	{CertificateUnparsable, func(_ testing.TB, s *scene) { s.CertPEM = s.CertPEM[:200] }, "cannot be parsed", true},
	{KeyUnparsable, func(_ testing.TB, s *scene) { s.KeyPEM = []byte("x") }, "tls.key", true},
	{KeyMismatch, func(t testing.TB, s *scene) { s.KeyPEM = mustKey(t, KeySpec{}).PEM("") }, "does not match", true},
	{NotYetValid, func(_ testing.TB, s *scene) { s.now = s.start.Add(-time.Second) }, "not valid yet", true},
	{Expired, func(_ testing.TB, s *scene) { s.now = s.end }, "has expired", true},
	{ChainBroken, func(_ testing.TB, s *scene) { s.CAPEM = certstest.PEM(s.other.Cert) }, "does not lead to any", false},
	{UsagesDiffer, func(t testing.TB, s *scene) {
		leaf := s.sub.Sign(t, &x509.Certificate{DNSNames: s.spec.DNSNames, NotBefore: s.start, NotAfter: s.end, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, s.key.Public())
		s.CertPEM = certstest.PEM(leaf, s.sub.Cert)
	}, "lacks the usage server auth", false},
	{HostsNotCovered, func(_ testing.TB, s *scene) { s.Spec.DNSNames = append(s.Spec.DNSNames, "c.example.com") }, "c.example.com", false},
}

func TestCheckProvidedFaults(t *testing.T) {
	var order []Reason
	for _, c := range providedFaults {
		order = append(order, c.reason)
		s := newScene(t)
		c.spoil(t, s)
		d, fault := CheckProvided(s.Observed, s.now)
		if d.Issue || fault.Reason != c.reason || !strings.Contains(fault.Message, c.says) || fault.Unusable != c.unusable {
			t.Errorf("%s: %+v, issue %v", c.reason, fault, d.Issue)
		}
	}
	if diff := cmp.Diff(ProvidedReasons(), order); diff != "" {
		t.Errorf("rules without a row, or in another order:\n%s", diff)
	}
}

// Of two faults the first one is reported.
func TestCheckProvidedOrder(t *testing.T) {
	for _, c := range [][2]int{{0, 1}, {1, 2}, {2, 7}, {3, 4}, {4, 7}, {5, 7}, {6, 8}, {7, 8}, {7, 10}, {8, 10}, {9, 10}} {
		first, second := providedFaults[c[0]], providedFaults[c[1]]
		s := newScene(t)
		second.spoil(t, s)
		first.spoil(t, s)
		if _, fault := CheckProvided(s.Observed, s.now); fault.Reason != first.reason {
			t.Errorf("%s and %s: %s", first.reason, second.reason, fault.Reason)
		}
	}
}

// Who issued it, and when it would be renewed, is no matter.
func TestCheckProvidedLeavesIssuing(t *testing.T) {
	s := newScene(t)
	s.IssuedBy, s.IssuedFor, s.Revoked, s.Spec.Key = "other", "other", true, KeySpec{Algorithm: RSA, Size: 4096}
	s.now = s.end.Add(-40 * day)
	d, fault := CheckProvided(s.Observed, s.now)
	if fault != (Fault{}) || d.Issue || !d.RenewAt.IsZero() {
		t.Errorf("%+v %+v", fault, d)
	}
	if want := s.end.Add(-30 * day).Truncate(time.Second); !d.Recheck.Equal(want) {
		t.Errorf("recheck %s, want %s", d.Recheck, want)
	}
}

func TestExpiryThreshold(t *testing.T) {
	end := now.Add(90 * day)
	for _, c := range []struct {
		name           string
		lifetime, left time.Duration
		reached        time.Duration
		next           time.Duration // before the end; zero: none
	}{
		{"new", 90 * day, 89 * day, 0, 30 * day},
		{"a second before 30 days", 90 * day, 30*day + time.Second, 0, 30 * day},
		{"30 days", 90 * day, 30 * day, 30 * day, 7 * day},
		{"between", 90 * day, 10 * day, 30 * day, 7 * day},
		{"7 days", 90 * day, 7 * day, 7 * day, day},
		{"1 day", 90 * day, day, day, 0},
		{"over", 90 * day, -day, day, 0},
		{"lifetime of a month", 30 * day, 29 * day, 0, 7 * day},
		{"lifetime of a week", 7 * day, 6 * day, 0, day},
		{"lifetime of a day", day, time.Hour, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			reached, next := ExpiryThreshold(end.Add(-c.lifetime), end, end.Add(-c.left))
			want := time.Time{}
			if c.next != 0 {
				want = end.Add(-c.next)
			}
			if reached != c.reached || !next.Equal(want) {
				t.Errorf("reached %s, next %s; want %s, %s", reached, next, c.reached, want)
			}
		})
	}
}
