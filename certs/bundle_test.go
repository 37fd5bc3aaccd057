// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

func TestParseBundle(t *testing.T) {
	s := newScene(t)
	got, err := ParseBundle(s.CertPEM, s.KeyPEM, s.CAPEM)
	if err != nil {
		t.Fatal(err)
	}
	if !got.KeyMatches() || string(got.CertPEM()) != string(s.CertPEM) || string(got.CAPEM()) != string(s.CAPEM) {
		t.Error("the bundle does not come back")
	}
	if got, err = ParseBundle(s.CertPEM, nil, nil); err != nil || !got.Key.IsZero() || got.CA != nil || got.KeyMatches() {
		t.Errorf("without key and CA: %+v, %v", got, err)
	}
}

func TestParseBundleErrors(t *testing.T) {
	s := newScene(t)
	half := s.CertPEM[:len(s.CertPEM)/2+200]
	for _, row := range []struct {
		name          string
		cert, key, ca []byte
		part          string
	}{
		{"empty", nil, s.KeyPEM, s.CAPEM, "tls.crt"},
		{"key as certificate", s.KeyPEM, s.KeyPEM, s.CAPEM, "tls.crt"},
		{"cut off", half, s.KeyPEM, s.CAPEM, "tls.crt"},
		{"certificate as key", s.CertPEM, s.CertPEM, s.CAPEM, "tls.key"},
		{"damaged CA", s.CertPEM, s.KeyPEM, half, "ca.crt"},
	} {
		_, err := ParseBundle(row.cert, row.key, row.ca)
		var bad *BundleError
		if !errors.As(err, &bad) || bad.Part != row.part {
			t.Errorf("%s: %v, want an error of %s", row.name, err, row.part)
		}
	}
	if _, err := ParseBundle(s.CertPEM, s.CertPEM, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("%v is not ErrNoKey", err)
	}
}

func TestAssemble(t *testing.T) {
	root := certstest.NewCA(t, "root", now.Add(100*day))
	upper := root.Intermediate(t, "upper", now.Add(90*day))
	lower := upper.Intermediate(t, "lower", now.Add(80*day))
	stranger := certstest.NewCA(t, "stranger", now.Add(100*day))
	public := mustKey(t, KeySpec{}).Public()
	template := &x509.Certificate{DNSNames: []string{"a.example"}, NotAfter: now.Add(day)}
	byLower, byRoot := lower.Sign(t, template, public), root.Sign(t, template, public)
	for _, row := range []struct {
		name              string
		leaf              *x509.Certificate
		others            []*x509.Certificate
		intermediates, ca []string
	}{
		{"whole chain", byLower, parents(lower, upper, root), []string{"lower", "upper"}, []string{"root"}},
		{"any order, twice, strangers", byLower, parents(root, stranger, upper, lower, root, upper), []string{"lower", "upper"}, []string{"root"}},
		{"no root", byLower, parents(lower, upper), []string{"lower", "upper"}, []string{"upper"}},
		{"a gap", byLower, parents(lower, root), []string{"lower"}, []string{"lower"}},
		{"signed by the root", byRoot, parents(root), nil, []string{"root"}},
		{"nothing", byRoot, nil, nil, nil},
		{"strangers only", byRoot, parents(stranger), nil, nil},
	} {
		b := Assemble(row.leaf, row.others, now)
		if diff := cmp.Diff([2][]string{row.intermediates, row.ca}, [2][]string{names(b.Intermediates), names(b.CA)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

func names(list []*x509.Certificate) []string {
	var all []string
	for _, cert := range list {
		all = append(all, cert.Subject.CommonName)
	}
	return all
}

func TestSerialAndFingerprint(t *testing.T) {
	ca := certstest.NewCA(t, "root", now.Add(day))
	leaf := ca.Sign(t, &x509.Certificate{SerialNumber: big.NewInt(0x0abcde), NotAfter: now}, ca.Key.Public())
	if got := Serial(leaf); got != "0abcde" {
		t.Errorf("Serial = %s", got)
	}
	if got := Fingerprint(leaf); len(got) != 64 || got == Fingerprint(ca.Cert) {
		t.Errorf("Fingerprint = %s", got)
	}
	if Serial(nil)+Fingerprint(nil) != "" {
		t.Error("nil has a serial or a fingerprint")
	}
}

func TestRevokedBy(t *testing.T) {
	s := newScene(t)
	list := func(ca *certstest.CA, serials ...*big.Int) *x509.RevocationList {
		template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(day)}
		for _, serial := range serials {
			template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
				x509.RevocationListEntry{SerialNumber: serial, RevocationTime: now})
		}
		der, err := x509.CreateRevocationList(rand.Reader, template, ca.Cert, ca.Key)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	leaf := s.bundle.Leaf
	for _, row := range []struct {
		name string
		list *x509.RevocationList
		want bool
	}{
		{"on the list", list(s.sub, big.NewInt(7), leaf.SerialNumber), true},
		{"not on the list", list(s.sub, big.NewInt(7)), false},
		{"of another issuer", list(s.other, leaf.SerialNumber), false},
		{"no list", nil, false},
	} {
		if got := NewRevocations(row.list).Has(leaf); got != row.want {
			t.Errorf("%s: %v of the index", row.name, got)
		}
		if got := RevokedBy(row.list, leaf); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

func TestUsages(t *testing.T) {
	all := Usages()
	if !slices.IsSorted(all) || len(all) != len(keyUsages)+len(extKeyUsages) {
		t.Errorf("Usages = %v", all)
	}
}

func FuzzParseBundle(f *testing.F) {
	s := newScene(f)
	f.Add(s.CertPEM, s.KeyPEM, s.CAPEM)
	f.Add(append(s.KeyPEM, s.CertPEM...), []byte(" "), []byte("-----BEGIN CERTIFICATE-----"))
	f.Fuzz(func(t *testing.T, cert, key, ca []byte) {
		b, err := ParseBundle(cert, key, ca)
		var bad *BundleError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%T: %v", err, err)
		}
		if err != nil {
			return
		}
		again, err := ParseBundle(b.CertPEM(), b.Key.PEM(PKCS8), b.CAPEM())
		if err != nil || Fingerprint(again.Leaf) != Fingerprint(b.Leaf) || len(again.Intermediates) != len(b.Intermediates) {
			t.Errorf("a bundle does not come back: %v", err)
		}
	})
}

func BenchmarkParseBundle(b *testing.B) {
	s := newScene(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseBundle(s.CertPEM, s.KeyPEM, s.CAPEM); err != nil {
			b.Fatal(err)
		}
	}
}
