// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDecideTimes(t *testing.T) {
	s := newScene(t)
	s.UID = ""
	renewAt := s.end.Add(-30 * day)
	planned := now.Add(time.Hour + time.Millisecond)
	for _, row := range []struct {
		name      string
		now       time.Time
		requested time.Time
		recheck   time.Time
	}{
		{"young", now, time.Time{}, renewAt},
		{"renewal planned", now, planned, now.Add(time.Hour)},
		{"in the second of the deadline", renewAt.Add(-time.Millisecond), time.Time{}, renewAt},
		{"at the deadline", renewAt, time.Time{}, s.end},
		{"expired", s.end, time.Time{}, time.Time{}},
	} {
		s.RenewRequestedAt = row.requested
		d := Decide(s.Observed, row.now)
		if !d.Recheck.Equal(row.recheck) {
			t.Errorf("%s: Recheck = %s, want %s", row.name, d.Recheck, row.recheck)
		}
		if !d.NotBefore.Equal(s.start) || !d.NotAfter.Equal(s.end) || !d.RenewAt.Equal(renewAt) {
			t.Errorf("%s: times %s, %s, %s", row.name, d.NotBefore, d.NotAfter, d.RenewAt)
		}
		if Fingerprint(d.Bundle.Leaf) != Fingerprint(s.bundle.Leaf) {
			t.Errorf("%s: Bundle is of another certificate", row.name)
		}
	}
}

func TestDecideWithoutCertificate(t *testing.T) {
	d := Decide(Observed{}, now)
	want := Decision{Issue: true, Reason: SecretMissing, Message: "the Secret does not exist"}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("Decide (-want +got):\n%s", diff)
	}
}

// A chain is of no use once its CA has ended.
func TestDecideRenewsBeforeTheCAExpires(t *testing.T) {
	s := newScene(t)
	s.UID = ""
	s.endingCA(t, s.end.Add(-30*day))
	if got, want := Decide(s.Observed, now).RenewAt, s.start.Add(40*day); !got.Equal(want) {
		t.Errorf("RenewAt = %s, want %s", got, want)
	}
}

func TestDecideRenewalWindow(t *testing.T) {
	s := newScene(t)
	s.UID = ""
	plain := s.end.Add(-30 * day)
	for _, row := range []struct {
		name string
		move time.Duration
		want time.Time
	}{
		{"in a window", 0, plain},
		{"next window", 3 * day, plain.Add(3 * day)},
		{"too near expiry", 16 * day, plain},
		{"after expiry", 40 * day, plain},
		{"before", -day, plain},
	} {
		s.RenewalWindow = func(at time.Time) time.Time { return at.Add(row.move) }
		if got := Decide(s.Observed, now).RenewAt; !got.Equal(row.want) {
			t.Errorf("%s: RenewAt = %s, want %s", row.name, got, row.want)
		}
	}
}

// The law: once a correct response is stored, there is nothing to do until Recheck.
func TestDecideRests(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	keys := []Key{mustKey(t, KeySpec{}), mustKey(t, KeySpec{Size: 384}), mustKey(t, KeySpec{Algorithm: Ed25519})}
	issued := 0
	for range 300 {
		s := newScene(t)
		s.key = keys[random.IntN(len(keys))]
		s.spec = randomSpec(random)
		lifetime := time.Duration(1+random.IntN(2000)) * time.Hour
		s.start = now.Add(-time.Duration(random.IntN(120)) * time.Second)
		s.end = s.start.Add(lifetime)
		s.issue(t)
		s.UID = string(rune('a' + random.IntN(26)))
		if _, err := CheckResponse(s.bundle, s.spec, s.key.Public(), now); err != nil {
			continue
		}
		issued++
		d := Decide(s.Observed, now)
		if d.Issue {
			t.Fatalf("after a correct response: %s, %s\n%+v", d.Reason, d.Message, s.spec)
		}
		if !d.Recheck.After(now) || d.Recheck.After(s.end) {
			t.Fatalf("Recheck %s is not between %s and %s", d.Recheck, now, s.end)
		}
		if d = Decide(s.Observed, d.Recheck.Add(-time.Second)); d.Issue {
			t.Fatalf("before Recheck: %s, %s", d.Reason, d.Message)
		}
		if d = Decide(s.Observed, s.end); !d.Issue {
			t.Fatal("nothing to do with an expired certificate")
		}
	}
	if issued < 150 {
		t.Errorf("only %d of 300 responses were correct", issued)
	}
}

func randomSpec(random *rand.Rand) Spec {
	some := func(list ...string) []string { return list[:random.IntN(len(list)+1)] }
	spec := Spec{
		DNSNames:       append([]string{"first.example.com"}, some("b.example.com", "*.c.example.com", "xn--bcher-kva.example")...),
		IPAddresses:    some("192.0.2.1", "2001:db8::1"),
		URIs:           some("spiffe://example.org/a"),
		EmailAddresses: some("ops@example.com"),
		Subject:        Subject{Organizations: some("ACME", "Other")},
	}
	for _, u := range some(string(ServerAuth), string(ClientAuth), string(DigitalSignature)) {
		spec.Usages = append(spec.Usages, Usage(u))
	}
	switch random.IntN(4) {
	case 0:
		spec.CommonName = "cn.example.com"
	case 1:
		spec.CommonName = "not a host"
	}
	before, percent := time.Duration(1+random.IntN(200))*time.Hour, 1+random.IntN(99)
	switch random.IntN(3) {
	case 0:
		spec.RenewBefore = &before
	case 1:
		spec.RenewBeforePercentage = &percent
	}
	return spec
}

func FuzzDecide(f *testing.F) {
	s := newScene(f)
	f.Add(s.CertPEM, s.KeyPEM, s.CAPEM, int64(0))
	f.Add(s.CertPEM, []byte{}, []byte("-----BEGIN CERTIFICATE-----"), int64(time.Hour))
	f.Fuzz(func(t *testing.T, cert, key, ca []byte, later int64) {
		s.CertPEM, s.KeyPEM, s.CAPEM = cert, key, ca
		at := now.Add(time.Duration(later))
		d, again := Decide(s.Observed, at), Decide(s.Observed, at)
		if d.Issue != (d.Reason != "") || d.Issue != (d.Message != "") {
			t.Errorf("Issue %v, Reason %q, Message %q", d.Issue, d.Reason, d.Message)
		}
		if !d.Issue && d.Bundle.Leaf == nil {
			t.Error("nothing to do without a certificate")
		}
		if again.Reason != d.Reason || again.Message != d.Message || again.Recheck != d.Recheck {
			t.Error("the same input gives two results")
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	s := newScene(b)
	b.ReportAllocs()
	for b.Loop() {
		Decide(s.Observed, s.now)
	}
}

// TestExpiredChain: if a CA that every path needs has expired, the certificate counts as expired.
func TestExpiredChain(t *testing.T) {
	s := newScene(t)
	s.sub = s.root.Intermediate(t, "sub", s.now.Add(2*day))
	s.issue(t)
	end := s.now.Add(2 * day)
	provided := s.Observed
	for at, expired := range map[time.Duration]bool{-time.Second: false, 0: true, day: true} {
		d := Decide(s.Observed, end.Add(at))
		if (d.Expired != "") != expired || (d.Reason == Expired) != expired || !d.ValidUntil.Equal(end) {
			t.Errorf("%s after the CA's end: %q, %q, valid until %s", at, d.Expired, d.Reason, d.ValidUntil)
		}
		if expired && !strings.Contains(d.Expired, `CA "CN=sub" expired at`) {
			t.Errorf("the CA is not named: %s", d.Expired)
		}
		if d, fault := CheckProvided(provided, end.Add(at)); (d.Expired != "") != expired || fault.Unusable != expired || (fault.Reason == ChainBroken) != expired {
			t.Errorf("provided, %s after: %q, %+v", at, d.Expired, fault)
		}
	}
	// A rule before Expired does not hide it.
	s.CurrentCA, s.CurrentCASince = parents(s.other), s.now
	if d := Decide(s.Observed, end); d.Reason != IssuerRotated || d.Expired == "" {
		t.Errorf("rotated too: %q, %q", d.Reason, d.Expired)
	}
	s = newScene(t)
	if d := Decide(s.Observed, s.end); d.Expired != "the certificate has expired" {
		t.Errorf("the leaf: %q", d.Expired)
	}
}
