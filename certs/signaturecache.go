// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"sync"
)

// checkedSignatures has the results of signature checks. A check costs about a hundred times more than a lookup, and
// every reconciliation checks the same certificates.
var checkedSignatures signatureCache

// signatureCache stores results by a digest of a certificate and the one that signed it. The zero value is ready to
// use.
type signatureCache struct {
	mu      sync.Mutex
	results map[[sha256.Size]byte]bool
}

// maxSignatures bounds memory to about 4 MiB, at 33 bytes each plus overhead. A full cache is emptied.
const maxSignatures = 1 << 16

// check calls verify for a pair that is not in the cache.
func (s *signatureCache) check(child, parent *x509.Certificate, verify func() bool) bool {
	digest := sha256.New()
	digest.Write(parent.Raw) // DER contains its length
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
