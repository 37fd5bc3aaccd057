// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"testing"
)

// A signature is checked once, and what is remembered of one pair says nothing of another.
func TestSignatureCache(t *testing.T) {
	s := newScene(t)
	chain, err := ParseCertificates(s.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	leaf, ca, other := chain[0], s.sub.Cert, s.other.Cert
	var kept signatureCache
	checks := 0
	look := func(child, parent *x509.Certificate) bool {
		return kept.check(child, parent, func() bool { checks++; return child.CheckSignatureFrom(parent) == nil })
	}
	for range 3 {
		if !look(leaf, ca) || look(leaf, other) {
			t.Fatal("the signatures are mixed up")
		}
	}
	if checks != 2 {
		t.Errorf("%d checks, want one of each pair", checks)
	}
}

// What is remembered does not grow without bounds.
func TestSignatureCacheLimit(t *testing.T) {
	var kept signatureCache
	for i := range maxSignatures + 10 {
		c := &x509.Certificate{Raw: []byte{byte(i), byte(i >> 8), byte(i >> 16)}}
		kept.check(c, c, func() bool { return true })
	}
	if len(kept.results) > maxSignatures {
		t.Errorf("%d are kept", len(kept.results))
	}
}
