// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"slices"
	"time"
)

// Revocations is an indexed CRL. It is for looking up many certificates: RevokedBy searches the whole list each time.
// A nil *Revocations has no entries.
type Revocations struct {
	issuer  string // DER
	serials map[string]time.Time
	times   []time.Time // of all entries, sorted
}

// NewRevocations indexes a CRL. It returns nil for nil.
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

// Empty reports whether the CRL has no entries.
func (r *Revocations) Empty() bool { return r == nil || len(r.serials) == 0 }

// Has reports whether cert is on the CRL, as RevokedBy does.
func (r *Revocations) Has(cert *x509.Certificate) bool {
	if r.Empty() || cert == nil || r.issuer != string(cert.RawIssuer) {
		return false
	}
	_, found := r.serials[string(cert.SerialNumber.Bytes())]
	return found
}

// A mass revocation has at least massRevocationCount entries within massRevocationWindow of the certificate's.
const (
	massRevocationCount  = 10
	massRevocationWindow = time.Minute
)

// MassRevokedAt returns when cert was revoked, if many others were revoked at about the same time, as when a Vault
// token expires and its leases with it. Otherwise it is zero.
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

// RevokedBy reports whether cert is on list (RFC 5280 section 5.3). It is false if list is nil or from another issuer
// than cert, because serial numbers are unique only for one issuer. It does not check the signature of list.
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
