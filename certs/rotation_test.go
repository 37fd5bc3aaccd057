// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// TestRotationIsSpread issues each leaf again in its own turn, all within the spread.
func TestRotationIsSpread(t *testing.T) {
	s := newScene(t)
	s.CurrentCA, s.CurrentCASince = parents(s.other), s.now
	for _, row := range []struct {
		spread time.Duration
		end    time.Time
		within time.Duration
	}{
		{0, s.end, time.Hour},
		{10 * time.Minute, s.end, 10 * time.Minute},
		{0, s.now.Add(5 * time.Hour), 30 * time.Minute}, // a tenth of what is left
	} {
		s.end, s.start = row.end, row.end.Add(-90*day)
		s.issue(t)
		s.CurrentCA, s.CurrentCASince, s.RotationSpread = parents(s.other), s.now, row.spread
		early := 0
		for i := range 100 {
			s.UID = fmt.Sprint(i)
			f := gather(s.Observed, s.now)
			if f.rotateAt.Before(s.now) || f.rotateAt.After(s.now.Add(row.within)) {
				t.Fatalf("%v: turn %s after the rotation", row, f.rotateAt.Sub(s.now))
			}
			if f.rotateAt.Before(s.now.Add(row.within / 2)) {
				early++
			}
			if d := Decide(s.Observed, f.rotateAt); d.Reason != IssuerRotated && d.Reason != RenewalDue {
				t.Errorf("%v: in its turn %q", row, d.Reason)
			}
		}
		if early < 30 || early > 70 {
			t.Errorf("%v: %d of 100 in the first half", row, early)
		}
	}
}

// TestRotationWaitsForItsTurn tells when the turn is.
func TestRotationWaitsForItsTurn(t *testing.T) {
	s := newScene(t)
	s.CurrentCA, s.CurrentCASince = parents(s.other), s.now
	turn := gather(s.Observed, s.now).rotateAt
	if !turn.After(s.now) {
		t.Fatalf("no wait: %s", turn)
	}
	if d := Decide(s.Observed, turn.Add(-time.Second)); d.Issue || !d.Recheck.Equal(turn) {
		t.Errorf("before its turn: %q, recheck %s, want %s", d.Reason, d.Recheck, turn)
	}
}

// TestRotationIsTriedOnce holds for an issuer that signs with another CA than it names.
func TestRotationIsTriedOnce(t *testing.T) {
	s := newScene(t)
	s.CurrentCA, s.IssuedUnder = parents(s.other), Fingerprint(s.other.Cert)
	if d := Decide(s.Observed, s.now); d.Issue {
		t.Errorf("issued under it already: %q", d.Reason)
	}
	s.CurrentCA = parents(s.root)
	if d := Decide(s.Observed, s.now); d.Reason != IssuerRotated {
		t.Errorf("another rotation: %q", d.Reason)
	}
	s.endingCA(t, s.end.Add(-time.Hour))
	s.CurrentCA, s.IssuedUnder = parents(s.root), Fingerprint(s.root.Cert)
	if d := Decide(s.Observed, s.now); d.Issue {
		t.Errorf("ending, issued under the longer one already: %q", d.Reason)
	}
}

// TestSelfSigned takes what issuers of type selfSigned answer: a leaf that is its own CA and no authority.
func TestSelfSigned(t *testing.T) {
	s := newScene(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a.example.com"}, DNSNames: s.spec.DNSNames,
		NotBefore: s.start, NotAfter: s.end, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key.Signer())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	b := Assemble(leaf, []*x509.Certificate{leaf}, now)
	if len(b.CA) != 1 || len(b.Intermediates) != 0 {
		t.Fatalf("%d intermediates, %d CAs", len(b.Intermediates), len(b.CA))
	}
	spec := s.spec
	spec.Duration = 0
	if _, err := CheckAnswer(b, spec, s.key.Public(), s.now); err != nil {
		t.Error(err)
	}
	s.CertPEM, s.CAPEM, s.CurrentCA = b.CertPEM(), b.CAPEM(), nil
	if d := Decide(s.Observed, s.now); d.Issue {
		t.Errorf("%q: %s", d.Reason, d.Message)
	}
}
