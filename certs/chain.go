// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// chain is a graph of certificates: those that it starts with (a leaf, or all certificates of one CA key) and every
// certificate above them. It is not a list, because a CA may be signed by several others (cross-signing) or twice by
// the same one (renewal). Two CAs that signed each other form a cycle.
type chain struct {
	certs  []*x509.Certificate // each once; all but the first ones signed one before them
	starts int                 // the number of certificates that it starts with
	// signers has, for each certificate, the indexes in certs of the certificates that signed it. A self-signed
	// certificate includes itself.
	signers [][]int
}

const (
	// The input may come from anyone who can write a Secret, so it is bounded. Go's own verification gives up after
	// 100 signatures.
	maxCertificates    = 64
	maxSignatureChecks = 512
)

// buildChain collects the certificates in list that are above starts. Their order is that of list, except that each
// follows a certificate that it signed. Duplicates and certificates of other chains are omitted.
func buildChain(starts, list []*x509.Certificate) chain {
	c := chain{certs: slices.Clip(starts), starts: len(starts)}
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

// signedBy reports whether parent signed child. It compares names first, which is about a thousand times faster than
// checking a signature. A self-signed certificate need not be a CA, as with cert-manager issuers of type selfSigned.
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

// index returns the index of cert in c, or -1.
func (c chain) index(cert *x509.Certificate) int { return slices.IndexFunc(c.certs, cert.Equal) }

func (c chain) selfSigned(i int) bool { return slices.Contains(c.signers[i], i) }

// signedAny reports whether certificate i signed one of children.
func (c chain) signedAny(i int, children []int) bool {
	return slices.ContainsFunc(children, func(child int) bool { return slices.Contains(c.signers[child], i) })
}

// roots returns the self-signed certificates.
func (c chain) roots() []*x509.Certificate {
	return c.filter(c.selfSigned)
}

// open returns the certificates whose signer is not known.
func (c chain) open() []*x509.Certificate {
	return c.filter(func(i int) bool { return len(c.signers[i]) == 0 })
}

// anchors returns the certificates that a client may trust: the roots, and each CA above which no root is known. The
// first certificate of c is an anchor only if nothing is known above it.
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

// expiry returns when paths stop verifying. first is when the last path to one of the roots expires, so that clients
// that trust only that root fail. last is when the last of all paths expires. A path expires with the first of its
// certificates. Roots are identified by name and key, so that a renewed root counts as one, and so do unknown roots
// with the same name.
func (c chain) expiry() (first, last time.Time) {
	expiries := c.pathExpiries()
	byRoot := map[string]time.Time{}
	anchor := c.isAnchor()
	for i := range c.certs {
		if root := c.root(i); root != "" {
			byRoot[root] = later(byRoot[root], expiries[i])
		}
		if anchor(i) {
			last = later(last, expiries[i])
		}
	}
	if len(byRoot) == 0 { // two CAs that signed each other
		return slices.MinFunc(expiries, time.Time.Compare), last
	}
	for _, end := range byRoot {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first, last
}

// root identifies the root that certificate i is, or the unknown root that signed it. It is empty for other
// certificates.
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

// pathExpiries returns, for each certificate, when the last path from a start up to it expires.
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
