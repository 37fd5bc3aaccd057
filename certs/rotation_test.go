// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"maps"
	"math/big"
	"slices"
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

// TestSelfSigned accepts what issuers of type selfSigned return: a leaf that is its own CA and no authority.
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
	if _, err := CheckResponse(b, spec, s.key.Public(), s.now); err != nil {
		t.Error(err)
	}
	s.CertPEM, s.CAPEM, s.CurrentCA = b.CertPEM(), b.CAPEM(), nil
	if d := Decide(s.Observed, s.now); d.Issue {
		t.Errorf("%q: %s", d.Reason, d.Message)
	}
}

// TestMassRevocation: where a token's end has revoked all that it issued, they are issued again in turns, and all within the spread.
func TestMassRevocation(t *testing.T) {
	s := newScene(t)
	s.Revoked, s.RotationSpread = true, time.Hour
	if d := Decide(s.Observed, s.now); d.Reason != Revoked {
		t.Errorf("one alone waits: %q", d.Reason)
	}
	s.MassRevokedAt = s.now
	minutes := map[int]int{}
	for i := range 200 {
		s.UID = fmt.Sprint(i)
		turn := gather(s.Observed, s.now).revokedAt
		minutes[int(turn.Sub(s.now).Minutes())]++
		if turn.Before(s.now) || turn.After(s.now.Add(time.Hour)) {
			t.Fatalf("%d has its turn %s after the revocation", i, turn.Sub(s.now))
		}
		if turn.After(s.now) {
			if d := Decide(s.Observed, turn.Add(-time.Second)); d.Issue || !d.Recheck.Equal(turn) {
				t.Errorf("%d before its turn: %q, recheck %s, want %s", i, d.Reason, d.Recheck, turn)
			}
		}
		if d := Decide(s.Observed, turn); d.Reason != Revoked {
			t.Errorf("%d in its turn: %q", i, d.Reason)
		}
	}
	if most := slices.Max(slices.Collect(maps.Values(minutes))); most > 15 || len(minutes) < 40 {
		t.Errorf("%d in one minute, in %d different ones", most, len(minutes))
	}
}

// TestMassRevokedAt: how many were revoked at the same time is what counts, not how many are on the list.
func TestMassRevokedAt(t *testing.T) {
	s := newScene(t)
	leaf := s.bundle.Leaf
	list := func(others int, every time.Duration) *Revocations {
		crl := &x509.RevocationList{RawIssuer: leaf.RawIssuer}
		crl.RevokedCertificateEntries = append(crl.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: leaf.SerialNumber, RevocationTime: s.now})
		for i := range others {
			crl.RevokedCertificateEntries = append(crl.RevokedCertificateEntries,
				x509.RevocationListEntry{SerialNumber: big.NewInt(int64(i + 1)), RevocationTime: s.now.Add(-time.Duration(i) * every)})
		}
		return NewRevocations(crl)
	}
	for _, row := range []struct {
		others int
		every  time.Duration
		many   bool
	}{{0, 0, false}, {8, time.Second, false}, {9, time.Second, true}, {100, time.Second, true}, {100, time.Hour, false}} {
		at := list(row.others, row.every).MassRevokedAt(leaf)
		if many := !at.IsZero(); many != row.many || many && !at.Equal(s.now) {
			t.Errorf("with %d others, one each %s: %s", row.others, row.every, at)
		}
	}
	if other := newScene(t).bundle.Leaf; !list(100, 0).MassRevokedAt(other).IsZero() {
		t.Error("one that is not revoked")
	}
	if at := (*Revocations)(nil).MassRevokedAt(leaf); !at.IsZero() {
		t.Errorf("no list: %s", at)
	}
}
