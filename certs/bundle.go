// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
)

// Bundle is what a Secret of type kubernetes.io/tls holds, parsed.
type Bundle struct {
	Leaf          *x509.Certificate   // first of tls.crt
	Intermediates []*x509.Certificate // the rest of tls.crt, in its order; may be empty
	CA            []*x509.Certificate // ca.crt; may be empty
	Key           Key                 // tls.key; zero where it is kept elsewhere
}

// BundleError says which part of a bundle is missing or damaged. It shows nothing of the part.
type BundleError struct {
	Part    string // "tls.crt", "tls.key" or "ca.crt"
	Problem string
	Err     error // one of the key errors for "tls.key", else nil
}

// Error is stable.
func (e *BundleError) Error() string { return e.Part + ": " + e.Problem }

// Unwrap gives the key error.
func (e *BundleError) Unwrap() error { return e.Err }

// ParseBundle reads PEM (RFC 7468): certPEM is the leaf and its intermediates, keyPEM the leaf's key, caPEM the CA certificates.
// Empty keyPEM gives the zero Key and empty caPEM no CA. Blocks that are no certificates, and text between blocks, are
// passed over. Errors are *BundleError; whether the parts fit together is not checked: see Bundle.KeyMatches.
func ParseBundle(certPEM, keyPEM, caPEM []byte) (Bundle, error) {
	chain, err := parseCertificates("tls.crt", certPEM)
	if err != nil {
		return Bundle{}, err
	}
	if len(chain) == 0 {
		return Bundle{}, &BundleError{Part: "tls.crt", Problem: "holds no certificate"}
	}
	key, err := parseOptionalKey(keyPEM)
	if err != nil {
		return Bundle{}, err
	}
	ca, err := parseCertificates("ca.crt", caPEM)
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{Leaf: chain[0], Intermediates: chain[1:], CA: ca, Key: key}, nil
}

func parseOptionalKey(keyPEM []byte) (Key, error) {
	if len(bytes.TrimSpace(keyPEM)) == 0 {
		return Key{}, nil
	}
	key, err := ParseKey(keyPEM)
	if err != nil {
		return Key{}, &BundleError{Part: "tls.key", Problem: err.Error(), Err: err}
	}
	return key, nil
}

// ParseCertificates reads all certificates of PEM data, nil where there are none. Errors are *BundleError with an
// empty Part.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	return parseCertificates("", data)
}

func parseCertificates(part string, data []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			// A block that pem.Decode cannot read would else vanish without a word.
			if bytes.Contains(rest, []byte("-----BEGIN CERTIFICATE")) {
				return nil, damaged(part, len(found))
			}
			return found, nil
		}
		data = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := parsedCerts.parse(block.Bytes)
		if err != nil {
			return nil, damaged(part, len(found))
		}
		found = append(found, cert)
	}
}

func damaged(part string, before int) error {
	return &BundleError{Part: part, Problem: fmt.Sprintf("certificate %d cannot be parsed", before+1)}
}

// KeyMatches reports whether Key is the key of Leaf; false where either is missing.
func (b Bundle) KeyMatches() bool {
	return b.Leaf != nil && samePublic(b.Key.Public(), b.Leaf.PublicKey)
}

// CertPEM is Leaf and Intermediates, for tls.crt and for APISIX; nil without a leaf.
func (b Bundle) CertPEM() []byte {
	if b.Leaf == nil {
		return nil
	}
	return append(EncodeCertificates(b.Leaf), EncodeCertificates(b.Intermediates...)...)
}

// CAPEM is CA, for ca.crt; nil when there is none.
func (b Bundle) CAPEM() []byte { return EncodeCertificates(b.CA...) }

// EncodeCertificates writes certificates as PEM in their order, nil for none.
func EncodeCertificates(list ...*x509.Certificate) []byte {
	var out []byte
	for _, cert := range list {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}

// Fingerprint is the SHA-256 of a certificate's DER as lower-case hex without colons; empty for nil. It reports whether
// two certificates are the same, however their PEM is written.
func Fingerprint(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Serial is the serial number as lower-case hex of whole bytes without colons; empty for nil.
func Serial(cert *x509.Certificate) string {
	if cert == nil || cert.SerialNumber == nil {
		return ""
	}
	return hex.EncodeToString(cert.SerialNumber.Bytes())
}
