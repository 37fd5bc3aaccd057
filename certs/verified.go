// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

// verified remembers signatures that were found good. One costs a hundred times more to check than to look up, and the
// same certificates are looked at in every run.
var verified signatures

// signatures holds digests of pairs, a certificate and the one that signed it. The zero value is ready.
type signatures struct {
	mu   sync.Mutex
	good map[[sha256.Size]byte]struct{}
}

// mostVerified bounds the memory: 32 bytes each, some 4 MiB in all. Beyond it all are forgotten.
const mostVerified = 1 << 16

// check calls verify for a pair that was not found good before. Bad ones are checked each time.
func (s *signatures) check(child, parent *x509.Certificate, verify func() bool) bool {
	digest := sha256.New()
	digest.Write(parent.Raw) // DER, which tells where it ends
	digest.Write(child.Raw)
	key := [sha256.Size]byte(digest.Sum(nil))
	s.mu.Lock()
	_, good := s.good[key]
	s.mu.Unlock()
	if good {
		return true
	}
	if !verify() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good == nil || len(s.good) >= mostVerified {
		s.good = map[[sha256.Size]byte]struct{}{}
	}
	s.good[key] = struct{}{}
	return true
}
