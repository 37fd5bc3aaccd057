// SPDX-License-Identifier: Apache-2.0

package certs

import "crypto/x509"

// Assemble sorts an issuer's certificates into a Bundle without a Key: the intermediates of leaf in the order that TLS
// wants, and as CA the root that signed the last of them. Where there is no root, as with a mount whose root lies
// elsewhere, CA is the topmost intermediate, which then also stays among the intermediates; a leaf that signed itself is
// its own CA. Certificates that do not
// belong to leaf's chain are left out; others may repeat and be in any order.
func Assemble(leaf *x509.Certificate, others []*x509.Certificate) Bundle {
	b := Bundle{Leaf: leaf}
	last := leaf
	for range others {
		next := signerIn(others, last)
		if next == nil || next.Equal(last) {
			break
		}
		last = next
		if signedBy(last, last) {
			b.CA = []*x509.Certificate{last}
			return b
		}
		b.Intermediates = append(b.Intermediates, last)
	}
	if signedBy(leaf, leaf) {
		b.CA = []*x509.Certificate{leaf}
	}
	if len(b.Intermediates) > 0 {
		b.CA = []*x509.Certificate{last}
	}
	return b
}

// RevokedBy tells whether cert is on list. Serial numbers count for one issuer only, so a list of another issuer than
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
