// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"time"
)

// signedBy looks at names first: a signature takes a thousand times longer. A certificate that signed itself need be no
// CA, as with issuers of type selfSigned.
func signedBy(child, parent *x509.Certificate) bool {
	if !bytes.Equal(child.RawIssuer, parent.RawSubject) {
		return false
	}
	return verified.check(child, parent, func() bool {
		if child.Equal(parent) {
			return child.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
		}
		return child.CheckSignatureFrom(parent) == nil
	})
}

func signerIn(list []*x509.Certificate, child *x509.Certificate) *x509.Certificate {
	for _, parent := range list {
		if signedBy(child, parent) {
			return parent
		}
	}
	return nil
}

// issuer is the certificate in b that signed the leaf, nil where none did.
func (b Bundle) issuer() *x509.Certificate {
	if signer := signerIn(b.Intermediates, b.Leaf); signer != nil {
		return signer
	}
	return signerIn(b.CA, b.Leaf)
}

// chainProblem is empty for a chain in which each certificate is signed by the next, as TLS wants it, and the last by
// a CA beside it. Where there is neither intermediate nor CA nothing can be said, so nothing is wrong.
func (b Bundle) chainProblem() string {
	last := b.Leaf
	for _, next := range b.Intermediates {
		if !signedBy(last, next) {
			return "the chain beside the certificate is not in order, or of another issuer"
		}
		last = next
	}
	if len(b.CA) > 0 && !b.anchored(last) {
		return "the CA beside the certificate did not sign it"
	}
	return ""
}

// anchored tells whether the end of the chain leads to a CA: signed by one, or one itself, as with a mount whose root
// lies elsewhere.
func (b Bundle) anchored(last *x509.Certificate) bool {
	if signerIn(b.CA, last) != nil {
		return true
	}
	for _, ca := range b.CA {
		for _, link := range b.Intermediates {
			if ca.Equal(link) {
				return true
			}
		}
	}
	return false
}

// end is when b stops being of use: NotAfter of the leaf, or of the CA that signed it where that ends earlier.
func end(leaf, issuer *x509.Certificate) time.Time {
	if issuer != nil && issuer.NotAfter.Before(leaf.NotAfter) {
		return issuer.NotAfter
	}
	return leaf.NotAfter
}
