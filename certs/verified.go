// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

// verified remembers which signatures were good and which were not. One costs a hundred times more to check than to look
// up, and the same certificates are looked at in every run.
var verified signatures

// signatures holds digests of pairs, a certificate and the one that signed it. The zero value is ready.
type signatures struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]bool
}

// mostVerified bounds the memory: 33 bytes each, some 4 MiB in all. Beyond it all are forgotten.
const mostVerified = 1 << 16

// check calls verify for a pair that was not checked before.
func (s *signatures) check(child, parent *x509.Certificate, verify func() bool) bool {
	digest := sha256.New()
	digest.Write(parent.Raw) // DER, which says where it ends
	digest.Write(child.Raw)
	key := [sha256.Size]byte(digest.Sum(nil))
	s.mu.Lock()
	good, checked := s.known[key]
	s.mu.Unlock()
	if checked {
		return good
	}
	good = verify()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= mostVerified {
		s.known = map[[sha256.Size]byte]bool{}
	}
	s.known[key] = good
	return good
}
