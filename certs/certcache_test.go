// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"testing"
)

// A certificate that is known is parsed once, and what cannot be parsed is not kept.
func TestCertCache(t *testing.T) {
	s := newScene(t)
	chain, err := ParseCertificates(s.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	var known certCache
	for name, der := range map[string][]byte{"a leaf": chain[0].Raw, "a CA": s.sub.Cert.Raw, "another CA": s.other.Cert.Raw} {
		first, err1 := known.parse(der)
		again, err2 := known.parse(der)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if string(first.Raw) != string(der) || first != again {
			t.Errorf("%s: not the same object again", name)
		}
	}
	if _, err := known.parse([]byte("no DER")); err == nil || len(known.cas) != 2 || len(known.leaves) != 1 {
		t.Errorf("error %v, %d CAs and %d leaves known", err, len(known.cas), len(known.leaves))
	}
}

// What is known does not grow without bounds, and leaves do not push the CAs out.
func TestCertCacheLimit(t *testing.T) {
	s := newScene(t)
	chain, err := ParseCertificates(s.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	known := certCache{cas: map[string]*x509.Certificate{}, leaves: map[string]*x509.Certificate{}}
	for i := range maxCAs {
		known.cas[fmt.Sprint(i)] = s.sub.Cert
	}
	for i := range maxLeaves {
		known.leaves[fmt.Sprint(i)] = chain[0]
	}
	if _, err := known.parse(chain[0].Raw); err != nil || len(known.cas) != maxCAs || len(known.leaves) != 1 {
		t.Errorf("after a leaf: error %v, %d CAs and %d leaves known", err, len(known.cas), len(known.leaves))
	}
	if _, err := known.parse(s.sub.Cert.Raw); err != nil || len(known.cas) != 1 || len(known.leaves) != 1 {
		t.Errorf("after a CA: error %v, %d CAs and %d leaves known", err, len(known.cas), len(known.leaves))
	}
}
