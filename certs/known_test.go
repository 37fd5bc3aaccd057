// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"testing"
)

// A CA certificate is parsed once, a leaf each time, and what cannot be parsed is not kept.
func TestKnownCAs(t *testing.T) {
	s := newScene(t)
	chain, err := ParseCertificates(s.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	var known authorities
	for _, c := range []struct {
		name string
		der  []byte
		same bool
	}{
		{"a leaf", chain[0].Raw, false},
		{"a CA", s.sub.Cert.Raw, true},
		{"another CA", s.other.Cert.Raw, true},
	} {
		first, err1 := known.parse(c.der)
		again, err2 := known.parse(c.der)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if !first.Equal(again) || (first == again) != c.same {
			t.Errorf("%s: the same object is %v, want %v", c.name, first == again, c.same)
		}
	}
	if _, err := known.parse([]byte("no DER")); err == nil || len(known.byDER) != 2 {
		t.Errorf("error %v, %d known", err, len(known.byDER))
	}
}

// What is known does not grow without bounds.
func TestKnownCAsAreForgotten(t *testing.T) {
	s := newScene(t)
	var known authorities
	known.byDER = map[string]*x509.Certificate{}
	for i := range mostKnown {
		known.byDER[fmt.Sprint(i)] = s.sub.Cert
	}
	if _, err := known.parse(s.sub.Cert.Raw); err != nil || len(known.byDER) != 1 {
		t.Errorf("error %v, %d known", err, len(known.byDER))
	}
}
