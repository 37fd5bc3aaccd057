// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

// verified remembers which signatures were good and which were not. One costs a hundred times more to check than to look
// up, and the same certificates are looked at in every run.
var checkedSignatures signatureCache

// signatures holds digests of pairs, a certificate and the one that signed it. The zero value is ready.
type signatureCache struct {
	mu      sync.Mutex
	results map[[sha256.Size]byte]bool
}

// mostVerified bounds the memory: 33 bytes each, some 4 MiB in all. Beyond it all are forgotten.
const maxSignatures = 1 << 16

// check calls verify for a pair that was not checked before.
func (s *signatureCache) check(child, parent *x509.Certificate, verify func() bool) bool {
	digest := sha256.New()
	digest.Write(parent.Raw) // DER, which says where it ends
	digest.Write(child.Raw)
	key := [sha256.Size]byte(digest.Sum(nil))
	s.mu.Lock()
	good, checked := s.results[key]
	s.mu.Unlock()
	if checked {
		return good
	}
	good = verify()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results == nil || len(s.results) >= maxSignatures {
		s.results = map[[sha256.Size]byte]bool{}
	}
	s.results[key] = good
	return good
}
