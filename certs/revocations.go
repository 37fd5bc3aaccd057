// SPDX-License-Identifier: Apache-2.0

package certs

import "crypto/x509"

// Revocations is a CRL that is asked for many certificates: RevokedBy walks through the list each time, which with as many
// entries as certificates is their square. Nil has none.
type Revocations struct {
	issuer  string // DER
	serials map[string]struct{}
}

// NewRevocations indexes a list. Nil gives nil.
func NewRevocations(list *x509.RevocationList) *Revocations {
	if list == nil {
		return nil
	}
	r := &Revocations{issuer: string(list.RawIssuer), serials: make(map[string]struct{}, len(list.RevokedCertificateEntries))}
	for _, entry := range list.RevokedCertificateEntries {
		r.serials[string(entry.SerialNumber.Bytes())] = struct{}{}
	}
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
