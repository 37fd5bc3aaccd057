// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"
)

// Assemble sorts an issuer's certificates into a Bundle without a Key. Intermediates are the certificates that a TLS
// server sends after leaf (RFC 8446 section 4.4.2, RFC 5246 section 7.4.2). CA is the roots, or the topmost
// intermediates if no root is known. These are then also in Intermediates. A self-signed leaf is its own CA.
//
// A CA that was cross-signed or renewed appears once for each of its certificates, so that clients with either root
// find a path. Each certificate appears once. The order is that of others, except that a certificate follows one that
// it signed, and certificates that are not valid yet come last.
//
// Certificates that have expired at now, and those that only they lead to, are omitted if a valid path remains. If
// none remains, they are included, and CheckResponse reports them. Certificates that are not above leaf are omitted.
// With nil or empty others, Intermediates is nil, and so is CA unless leaf is self-signed.
func Assemble(leaf *x509.Certificate, others []*x509.Certificate, now time.Time) Bundle {
	others, valid := validFirst(others, now)
	begin := []*x509.Certificate{leaf}
	c := buildChain(begin, others).preferValid(now, func() chain { return buildChain(begin, others[:valid]) })
	b := Bundle{Leaf: leaf, CA: c.roots()}
	for i, cert := range c.certs[1:] {
		if !c.selfSigned(i + 1) {
			b.Intermediates = append(b.Intermediates, cert)
		}
	}
	if len(b.CA) == 0 && len(b.Intermediates) > 0 {
		b.CA = c.open()
	}
	if len(b.CA) == 0 && len(b.Intermediates) > 0 { // two CAs that signed each other
		b.CA = c.certs[len(c.certs)-1:]
	}
	return b
}

// AssembleCA returns ca, the other certificates of its key (cross-signed or renewed), and all certificates above
// them, selected and ordered as in Assemble. The result is input for Observed.CurrentCA, CAExpiry, CheckCA and
// ChainID. Unlike Assemble, it includes an expired CA that is the only signer of another one: servers need not send
// it, but CAExpiry must account for it.
func AssembleCA(ca *x509.Certificate, others []*x509.Certificate, now time.Time) []*x509.Certificate {
	others, valid := validFirst(others, now)
	whole := buildCAChain(ca, others)
	c := whole.preferValid(now, func() chain { return buildCAChain(ca, others[:valid]) })
	for _, cert := range c.open() {
		if i := whole.index(cert); i >= 0 && len(whole.signers[i]) > 0 {
			return whole.certs
		}
	}
	return c.certs
}

// validFirst orders certificates into valid, not yet valid and expired ones. unexpired is the number of those that
// have not expired.
func validFirst(all []*x509.Certificate, now time.Time) (ordered []*x509.Certificate, unexpired int) {
	var early, expired []*x509.Certificate
	for _, cert := range all {
		switch {
		case !now.Before(cert.NotAfter):
			expired = append(expired, cert)
		case now.Before(cert.NotBefore):
			early = append(early, cert)
		default:
			ordered = append(ordered, cert)
		}
	}
	ordered = append(ordered, early...)
	return append(ordered, expired...), len(ordered)
}

// preferValid returns valid(), which omits expired certificates, if a path in it is valid at now, and c otherwise.
func (c chain) preferValid(now time.Time, valid func() chain) chain {
	if _, last := c.expiry(); last.After(now) {
		return valid()
	}
	return c
}

// buildCAChain starts with all certificates of the CA's key.
func buildCAChain(ca *x509.Certificate, others []*x509.Certificate) chain {
	begin := []*x509.Certificate{ca}
	for _, other := range others {
		same := bytes.Equal(other.RawSubject, ca.RawSubject) && bytes.Equal(other.RawSubjectPublicKeyInfo, ca.RawSubjectPublicKeyInfo)
		if same && !slices.ContainsFunc(begin, other.Equal) && len(begin) < maxCertificates {
			begin = append(begin, other)
		}
	}
	return buildChain(begin, others)
}

// CAExpiry returns when certificates that a CA issues stop verifying because of the CA. first is when clients of one
// of its roots can no longer verify them, last is when no client can. ca starts with the signing certificate,
// followed by others of its key and those above, in any order, as AssembleCA returns them. Both are zero for an empty
// list. See Bundle.Expiry.
func CAExpiry(ca []*x509.Certificate) (first, last time.Time) {
	if len(ca) == 0 {
		return time.Time{}, time.Time{}
	}
	return buildCAChain(ca[0], ca[1:]).expiry()
}

// ChainID identifies an ordered list of certificates: the SHA-256 of their DER as lower-case hex without colons. For
// one certificate it is its Fingerprint, and for an empty list it is empty.
func ChainID(list []*x509.Certificate) string {
	if len(list) == 0 {
		return ""
	}
	digest := sha256.New()
	for _, cert := range list {
		digest.Write(cert.Raw) // DER contains its length
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// Expiry returns when clients can no longer verify b. first is when clients that trust only one of the roots cannot,
// because their last path has expired. last is when no path verifies. A path expires with the first of its
// certificates, including leaf and root. If several paths lead to the same root, as after a CA renewal, the longest
// one counts. Both are the leaf's NotAfter if no CA expires earlier or none is known, and zero without a leaf.
func (b Bundle) Expiry() (first, last time.Time) {
	if b.Leaf == nil {
		return time.Time{}, time.Time{}
	}
	return b.chain().expiry()
}

// chain requires a leaf.
func (b Bundle) chain() chain {
	return buildChain([]*x509.Certificate{b.Leaf}, slices.Concat(b.Intermediates, b.CA))
}

// Issuers returns Intermediates and CA, each certificate once. It serves as Observed.CurrentCA if nothing else is
// known about the issuer.
func (b Bundle) Issuers() []*x509.Certificate {
	var all []*x509.Certificate
	for _, cert := range slices.Concat(b.Intermediates, b.CA) {
		if !slices.ContainsFunc(all, cert.Equal) {
			all = append(all, cert)
		}
	}
	return all
}

// chainProblem describes what is wrong with the order and the parts of a bundle with chain c, regardless of validity
// periods. It is empty if nothing is wrong, or if there are neither intermediates nor CA certificates.
func (b Bundle) chainProblem(c chain) string {
	served := []int{0}
	for _, cert := range b.Intermediates {
		i := c.index(cert)
		switch {
		case i < 0:
			return "the chain contains a certificate that did not sign any other in it"
		case slices.Contains(served, i): // a duplicate is harmless
		case !c.signedAny(i, served):
			return "the chain is out of order: each certificate must have signed one before it"
		default:
			served = append(served, i)
		}
	}
	return b.anchorProblem(c, served)
}

// anchorProblem requires that the certificates in served lead to one of CA, and to one of its roots if the chain has
// any.
func (b Bundle) anchorProblem(c chain, served []int) string {
	var cas, roots []int
	for _, ca := range b.CA {
		i := c.index(ca)
		if i < 0 {
			continue
		}
		cas = append(cas, i)
		if c.selfSigned(i) {
			roots = append(roots, i)
		}
	}
	reached := func(i int) bool { return slices.Contains(served, i) || c.signedAny(i, served) }
	switch {
	case len(b.CA) == 0:
		return ""
	case !slices.ContainsFunc(cas, reached):
		return "the chain does not lead to any of the CA certificates"
	case len(roots) > 0 && !slices.ContainsFunc(roots, reached):
		return "the chain lacks an intermediate certificate that is only among the CA certificates"
	}
	return ""
}
