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

// Assemble sorts an issuer's certificates into a Bundle without a Key: as Intermediates what TLS servers send after leaf
// (RFC 8446 section 4.4.2, RFC 5246 section 7.4.2), and as CA the roots. Where no root is known, as with a mount whose
// root lies elsewhere, CA is the topmost intermediates, which then also stay among the Intermediates. A leaf that signed
// itself is its own CA.
//
// A CA that was signed by several others, or twice by the same one, is there as often, so that a client with either root
// finds its path. The order is that of others as far as each certificate comes after one that it signed, and what is not
// valid yet comes last. Each certificate is there once. Certificates that have expired at now, and what only they lead
// to, are left out as long as a path remains; where none does they stay, and CheckResponse names them. Certificates that
// are not above leaf are left out. A nil or empty others gives neither Intermediates nor, unless leaf signed itself, CA.
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
	if len(b.CA) == 0 && len(b.Intermediates) > 0 { // a circle
		b.CA = c.certs[len(c.certs)-1:]
	}
	return b
}

// AssembleCA is ca, the other certificates of its key (cross-signed or renewed), and all that lie above them, chosen and
// ordered like those of Assemble. It is made for Observed.CurrentCA, CAExpiry, CheckCA and ChainID. Unlike Assemble it keeps
// an expired CA that alone signed one of the others: servers need not send it, but CAExpiry is to say that it has expired.
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

// validFirst orders certificates by whether they are valid, not valid yet, or expired, and says how many have not expired.
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

// orValid is valid, the same without what has expired, where that leaves a path.
func (c chain) preferValid(now time.Time, valid func() chain) chain {
	if _, last := c.expiry(); last.After(now) {
		return valid()
	}
	return c
}

// climbCA begins with all certificates of one CA.
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

// CAExpiry says when what a CA signs stops verifying, if nothing ends it earlier: first when the clients of one root are
// lost, last when all are. ca is the signing certificate first, then those of its key and those above in any order, as
// AssembleCA gives them. Both are zero for an empty list. See Bundle.Expiry.
func CAExpiry(ca []*x509.Certificate) (first, last time.Time) {
	if len(ca) == 0 {
		return time.Time{}, time.Time{}
	}
	return buildCAChain(ca[0], ca[1:]).expiry()
}

// ChainID identifies a list of certificates in its order: the SHA-256 of their DER as lower-case hex without colons, for
// one certificate its Fingerprint; empty for none.
func ChainID(list []*x509.Certificate) string {
	if len(list) == 0 {
		return ""
	}
	digest := sha256.New()
	for _, cert := range list {
		digest.Write(cert.Raw) // DER says where it ends
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// Ends says when b stops being of use: first is when the first clients are lost, those that trust one root alone whose
// last path ends, and last is when no path verifies any more. A path ends with the first of its certificates, the leaf and
// the root included. Of several paths to the same root, as beside a renewed CA, the longest counts. Both are the leaf's
// NotAfter where no CA ends before, or none is known, and zero without a leaf.
func (b Bundle) Expiry() (first, last time.Time) {
	if b.Leaf == nil {
		return time.Time{}, time.Time{}
	}
	return b.chain().expiry()
}

// chain is that of a bundle with a leaf.
func (b Bundle) chain() chain {
	return buildChain([]*x509.Certificate{b.Leaf}, slices.Concat(b.Intermediates, b.CA))
}

// Above are Intermediates and CA, each once: what Observed.CurrentCA is where nothing else is known of an issuer.
func (b Bundle) Issuers() []*x509.Certificate {
	var all []*x509.Certificate
	for _, cert := range slices.Concat(b.Intermediates, b.CA) {
		if !slices.ContainsFunc(all, cert.Equal) {
			all = append(all, cert)
		}
	}
	return all
}

// chainProblem says what is wrong with the order and the parts of a bundle, whose chain is c; its times are not looked at.
// Where there is neither intermediate nor CA nothing can be said, so nothing is wrong.
func (b Bundle) chainProblem(c chain) string {
	served := []int{0}
	for _, cert := range b.Intermediates {
		i := c.index(cert)
		switch {
		case i < 0:
			return "the chain has a certificate that signed none of the others"
		case slices.Contains(served, i): // twice: a waste, and no harm
		case !c.signedAny(i, served):
			return "the chain is out of order: each certificate must have signed one before it"
		default:
			served = append(served, i)
		}
	}
	return b.anchorProblem(c, served)
}

// anchorProblem wants what is served to lead up to one of CA, and to one of its roots where CA has one of the chain.
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
		return "the CA beside the certificate did not sign it"
	case len(roots) > 0 && !slices.ContainsFunc(roots, reached):
		return "the chain lacks an intermediate certificate, which is only among the CA certificates"
	}
	return ""
}
