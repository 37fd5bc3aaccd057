// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"slices"
	"time"
)

// Revocations is a CRL that is asked for many certificates: RevokedBy walks through the list each time, which with as many
// entries as certificates is their square. Nil has none.
type Revocations struct {
	issuer  string // DER
	serials map[string]time.Time
	times   []time.Time // of all, in order
}

// NewRevocations indexes a list. Nil gives nil.
func NewRevocations(list *x509.RevocationList) *Revocations {
	if list == nil {
		return nil
	}
	r := &Revocations{issuer: string(list.RawIssuer), serials: make(map[string]time.Time, len(list.RevokedCertificateEntries))}
	for _, entry := range list.RevokedCertificateEntries {
		r.serials[string(entry.SerialNumber.Bytes())] = entry.RevocationTime
		r.times = append(r.times, entry.RevocationTime)
	}
	slices.SortFunc(r.times, time.Time.Compare)
	return r
}

// Empty reports whether nothing is revoked.
func (r *Revocations) Empty() bool { return r == nil || len(r.serials) == 0 }

// Has is RevokedBy.
func (r *Revocations) Has(cert *x509.Certificate) bool {
	if r.Empty() || cert == nil || r.issuer != string(cert.RawIssuer) {
		return false
	}
	_, found := r.serials[string(cert.SerialNumber.Bytes())]
	return found
}

// A certificate was revoked with many others where at least manyRevoked were within manyWithin of it.
const (
	massRevocationCount  = 10
	massRevocationWindow = time.Minute
)

// Since is when cert was revoked, where many others were at the same time, as those of a token are whose leases end; zero: it
// was not, or with few.
func (r *Revocations) MassRevokedAt(cert *x509.Certificate) time.Time {
	if !r.Has(cert) {
		return time.Time{}
	}
	at := r.serials[string(cert.SerialNumber.Bytes())]
	from, _ := slices.BinarySearchFunc(r.times, at.Add(-massRevocationWindow), time.Time.Compare)
	to, _ := slices.BinarySearchFunc(r.times, at.Add(massRevocationWindow), time.Time.Compare)
	if to-from < massRevocationCount {
		return time.Time{}
	}
	return at
}

// RevokedBy reports whether cert is on list (RFC 5280 section 5.3). Serial numbers count for one issuer only, so a list of another issuer than
// the certificate's says nothing about it; nor does a nil list. The list's signature is for its reader to check.
func RevokedBy(list *x509.RevocationList, cert *x509.Certificate) bool {
	if list == nil || cert == nil || string(list.RawIssuer) != string(cert.RawIssuer) {
		return false
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			return true
		}
	}
	return false
}
