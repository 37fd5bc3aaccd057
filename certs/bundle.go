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

// Bundle is the parsed content of a Secret of type kubernetes.io/tls.
type Bundle struct {
	Leaf          *x509.Certificate   // the first certificate in tls.crt
	Intermediates []*x509.Certificate // the other certificates in tls.crt, in order; may be empty
	CA            []*x509.Certificate // ca.crt; may be empty
	Key           Key                 // tls.key; zero if the key is stored elsewhere
}

// BundleError reports a missing or malformed part of a bundle. It contains nothing of the part itself.
type BundleError struct {
	Part    string // "tls.crt", "tls.key" or "ca.crt"
	Problem string
	Err     error // for "tls.key" one of the key errors, such as ErrKeyDamaged; otherwise nil
}

// Error returns a stable message.
func (e *BundleError) Error() string { return e.Part + ": " + e.Problem }

// Unwrap returns the key error, or nil.
func (e *BundleError) Unwrap() error { return e.Err }

// ParseBundle parses PEM data (RFC 7468). certPEM has the leaf followed by its intermediates, keyPEM the leaf's
// private key, and caPEM the CA certificates. Empty keyPEM gives the zero Key, and empty caPEM gives no CA. Blocks of
// other types and text between blocks are ignored. Errors are *BundleError. ParseBundle does not check whether the
// parts match: see Bundle.KeyMatches.
func ParseBundle(certPEM, keyPEM, caPEM []byte) (Bundle, error) {
	chain, err := parseCertificates("tls.crt", certPEM)
	if err != nil {
		return Bundle{}, err
	}
	if len(chain) == 0 {
		return Bundle{}, &BundleError{Part: "tls.crt", Problem: "contains no certificate"}
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

// ParseCertificates parses all certificates in PEM data. It returns nil if there are none. Errors are *BundleError
// with an empty Part.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	return parseCertificates("", data)
}

func parseCertificates(part string, data []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			// pem.Decode silently skips a malformed block.
			if bytes.Contains(rest, []byte("-----BEGIN CERTIFICATE")) {
				return nil, malformed(part, len(found))
			}
			return found, nil
		}
		data = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := parsedCerts.parse(block.Bytes)
		if err != nil {
			return nil, malformed(part, len(found))
		}
		found = append(found, cert)
	}
}

func malformed(part string, before int) error {
	return &BundleError{Part: part, Problem: fmt.Sprintf("certificate %d cannot be parsed", before+1)}
}

// KeyMatches reports whether Key is the private key of Leaf. It is false if either is missing.
func (b Bundle) KeyMatches() bool {
	return b.Leaf != nil && samePublic(b.Key.Public(), b.Leaf.PublicKey)
}

// CertPEM returns Leaf and Intermediates as PEM, for tls.crt and for APISIX. It is nil without a leaf.
func (b Bundle) CertPEM() []byte {
	if b.Leaf == nil {
		return nil
	}
	return append(EncodeCertificates(b.Leaf), EncodeCertificates(b.Intermediates...)...)
}

// CAPEM returns CA as PEM, for ca.crt. It is nil if CA is empty.
func (b Bundle) CAPEM() []byte { return EncodeCertificates(b.CA...) }

// EncodeCertificates encodes certificates as PEM, in their order. It returns nil for none.
func EncodeCertificates(list ...*x509.Certificate) []byte {
	var out []byte
	for _, cert := range list {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	return out
}

// Fingerprint returns the SHA-256 of a certificate's DER as lower-case hex without colons, and an empty string for
// nil.
func Fingerprint(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Serial returns the serial number as lower-case hex of whole bytes without colons, and an empty string for nil.
func Serial(cert *x509.Certificate) string {
	if cert == nil || cert.SerialNumber == nil {
		return ""
	}
	return hex.EncodeToString(cert.SerialNumber.Bytes())
}
