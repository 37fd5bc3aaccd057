// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// chain is a graph of certificates: those that it begins with, a leaf or all that one CA key has, and every one above them.
// It is no line, because a CA may have been signed by several others (cross-signing), or twice by the same one (renewal).
// Two roots that signed each other make a circle.
type chain struct {
	certs  []*x509.Certificate // each once; all but the first ones have signed one before them
	starts int                 // how many of certs it begins with
	// signers are the indexes of those of certs that signed the certificate of the same index, itself where it is
	// self-signed.
	signers [][]int
}

// What is climbed may come from anybody who can write a Secret, so there are bounds. Go's own verification gives up after
// 100 signatures.
const (
	maxCertificates    = 64
	maxSignatureChecks = 512
)

// climb finds what lies above begin among list, in the order of list as far as each certificate has one before it that it
// signed. Repeats and certificates of other chains are left out.
func buildChain(begin, list []*x509.Certificate) chain {
	c := chain{certs: slices.Clip(begin), starts: len(begin)}
	checks := maxSignatureChecks
	signed := func(child, parent *x509.Certificate) bool {
		if !bytes.Equal(child.RawIssuer, parent.RawSubject) || checks == 0 {
			return false
		}
		checks--
		return signedBy(child, parent)
	}
	next := func(cert *x509.Certificate) bool {
		return c.index(cert) < 0 && slices.ContainsFunc(c.certs, func(child *x509.Certificate) bool { return signed(child, cert) })
	}
	for len(c.certs) < maxCertificates {
		i := slices.IndexFunc(list, next)
		if i < 0 {
			break
		}
		c.certs = append(c.certs, list[i])
	}
	c.signers = make([][]int, len(c.certs))
	for i, child := range c.certs {
		for j, parent := range c.certs {
			if signed(child, parent) {
				c.signers[i] = append(c.signers[i], j)
			}
		}
	}
	return c
}

// signedBy reports whether parent signed child. It looks at names first: a signature takes a thousand times longer. A
// certificate that signed itself need be no CA, as with issuers of type selfSigned.
func signedBy(child, parent *x509.Certificate) bool {
	if !bytes.Equal(child.RawIssuer, parent.RawSubject) {
		return false
	}
	return checkedSignatures.check(child, parent, func() bool {
		if child.Equal(parent) {
			return child.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
		}
		return child.CheckSignatureFrom(parent) == nil
	})
}

// index is that of cert in c, -1 where it is not there.
func (c chain) index(cert *x509.Certificate) int { return slices.IndexFunc(c.certs, cert.Equal) }

func (c chain) selfSigned(i int) bool { return slices.Contains(c.signers[i], i) }

// signed reports whether certificate i signed one of those given.
func (c chain) signedAny(i int, of []int) bool {
	return slices.ContainsFunc(of, func(child int) bool { return slices.Contains(c.signers[child], i) })
}

// roots are the self-signed certificates.
func (c chain) roots() []*x509.Certificate {
	return c.filter(c.selfSigned)
}

// open are the certificates whose signer is not known.
func (c chain) open() []*x509.Certificate {
	return c.filter(func(i int) bool { return len(c.signers[i]) == 0 })
}

// anchors are the certificates that a client may trust: the roots, and each CA above which no root is known, since its
// root may lie elsewhere. The certificate that c begins with is one only where nothing is known above it.
func (c chain) anchors() []*x509.Certificate {
	return c.filter(c.isAnchor())
}

func (c chain) filter(fits func(i int) bool) []*x509.Certificate {
	var found []*x509.Certificate
	for i, cert := range c.certs {
		if fits(i) {
			found = append(found, cert)
		}
	}
	return found
}

func (c chain) isAnchor() func(i int) bool {
	rooted := make([]bool, len(c.certs))
	for changed := true; changed; {
		changed = false
		for i := range c.certs {
			if !rooted[i] && (c.selfSigned(i) || slices.ContainsFunc(c.signers[i], func(j int) bool { return rooted[j] })) {
				rooted[i], changed = true, true
			}
		}
	}
	return func(i int) bool {
		return c.selfSigned(i) || !rooted[i] && (c.certs[i].IsCA || len(c.signers[i]) == 0)
	}
}

// ends says when paths stop verifying: first is the end of the first root's last path, when the clients that trust that
// root alone are lost, and last is the end of the last path of all. A path ends with the first of its certificates. Roots
// are told apart by name and key, so that one that was renewed is one, and so are those that are not known.
func (c chain) expiry() (first, last time.Time) {
	ends := c.pathExpiries()
	byRoot := map[string]time.Time{}
	anchor := c.isAnchor()
	for i := range c.certs {
		if root := c.root(i); root != "" {
			byRoot[root] = later(byRoot[root], ends[i])
		}
		if anchor(i) {
			last = later(last, ends[i])
		}
	}
	if len(byRoot) == 0 { // a circle
		return slices.MinFunc(ends, time.Time.Compare), last
	}
	for _, end := range byRoot {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first, last
}

// root identifies the root that certificate i is, or that signed it where that one is not known; empty for one in between.
func (c chain) root(i int) string {
	cert := c.certs[i]
	switch {
	case c.selfSigned(i):
		return string(cert.RawSubject) + string(cert.RawSubjectPublicKeyInfo)
	case len(c.signers[i]) == 0:
		return string(cert.RawIssuer) + string(cert.AuthorityKeyId)
	}
	return ""
}

// pathEnds are, for each certificate, when the last path from a beginning up to it ends.
func (c chain) pathExpiries() []time.Time {
	ends := make([]time.Time, len(c.certs))
	for i := range c.starts {
		ends[i] = c.certs[i].NotAfter
	}
	for changed := true; changed; {
		changed = false
		for child, signers := range c.signers {
			for _, signer := range signers {
				end := earlier(ends[child], c.certs[signer].NotAfter)
				if end.After(ends[signer]) {
					ends[signer], changed = end, true
				}
			}
		}
	}
	return ends
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
