// SPDX-License-Identifier: Apache-2.0

package certs

import "testing"

// BenchmarkDecideUncached is the first look at a certificate that is all right: its signatures are checked.
func BenchmarkDecideUncached(b *testing.B) {
	s := newScene(b)
	for b.Loop() {
		checkedSignatures.forget()
		if d := Decide(s.Observed, s.now); d.Issue {
			b.Fatal(d.Reason)
		}
	}
}

func BenchmarkCheckResponse(b *testing.B) {
	s := newScene(b)
	for b.Loop() {
		checkedSignatures.forget() // a response is new each time
		if _, err := CheckResponse(s.bundle, s.spec, s.key.Public(), s.now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCSR makes a key and a request with it.
func BenchmarkCSR(b *testing.B) {
	for name, key := range map[string]KeySpec{"P-256": {}, "P-384": {Algorithm: ECDSA, Size: 384}, "Ed25519": {Algorithm: Ed25519}, "RSA-2048": {Algorithm: RSA, Size: 2048}} {
		b.Run(name, func(b *testing.B) {
			spec := Spec{DNSNames: []string{"a.example.com"}, Key: key}
			for b.Loop() {
				key, err := GenerateKey(spec.Key)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := CreateRequest(spec, key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func (s *signatureCache) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.results)
}
