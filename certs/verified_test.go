// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"testing"
)

// A good signature is checked once, a bad one each time, and what is remembered of one pair says nothing of another.
func TestSignatures(t *testing.T) {
	s := newScene(t)
	chain, err := ParseCertificates(s.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	leaf, ca, other := chain[0], s.sub.Cert, s.other.Cert
	var kept signatures
	checks := 0
	look := func(child, parent *x509.Certificate) bool {
		return kept.check(child, parent, func() bool { checks++; return child.CheckSignatureFrom(parent) == nil })
	}
	for range 3 {
		if !look(leaf, ca) || look(leaf, other) {
			t.Fatal("the signatures are not told apart")
		}
	}
	if checks != 4 {
		t.Errorf("%d checks, want 1 of the good pair and 3 of the bad one", checks)
	}
}

// What is remembered does not grow without bounds.
func TestSignaturesAreForgotten(t *testing.T) {
	var kept signatures
	for i := range mostVerified + 10 {
		c := &x509.Certificate{Raw: []byte{byte(i), byte(i >> 8), byte(i >> 16)}}
		kept.check(c, c, func() bool { return true })
	}
	if len(kept.good) > mostVerified {
		t.Errorf("%d are kept", len(kept.good))
	}
}
