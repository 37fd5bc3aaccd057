// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// Limits of APISIX's schema, in characters.
const (
	minCert = 128
	minKey  = 64 // 128 up to APISIX 3.16, which rejects the 119 bytes of an Ed25519 key itself
	maxPEM  = 65536
)

// PairReason is what is wrong with a certificate and key.
type PairReason string

// The reasons of a [PairError].
const (
	PairSize        PairReason = "Size"        // shorter or longer than APISIX accepts
	PairSyntax      PairReason = "Syntax"      // not PEM, or PEM of another type
	PairKeyInCert   PairReason = "KeyInCert"   // the certificate field contains a private key, which APISIX would show to every client
	PairKeyMismatch PairReason = "KeyMismatch" // the key does not match the first certificate
	PairChainOrder  PairReason = "ChainOrder"  // a certificate did not sign any certificate before it
	PairExpired     PairReason = "Expired"
	PairNotYetValid PairReason = "NotYetValid"
)

// PairError is why a certificate and key must not be served.
type PairError struct {
	Reason  PairReason
	Message string // stable, without key material
}

func (e *PairError) Error() string { return e.Message }

// CheckPair checks what APISIX does not, so that a write never makes a gateway worse: sizes, that the key matches the leaf,
// that each certificate of the chain signed one before it (RFC 8446 section 4.4.2), and that the leaf and one of its
// issuers are valid now. Cert and key are PEM. Cert has the leaf first and then its issuers, with or without the root; a
// cross-signed CA may have several. The error is a *PairError.
//
// It does not check names, nor whether the chain leads to a trusted root.
func CheckPair(cert, key []byte, now time.Time) error {
	if err := checkSizes(cert, key); err != nil {
		return err
	}
	chain, err := parseChain(cert)
	if err != nil {
		return err
	}
	if err := checkKey(chain[0], key); err != nil {
		return err
	}
	return checkChain(chain, now)
}

func checkSizes(cert, key []byte) error {
	if size := len(cert); size < minCert || size > maxPEM {
		return pairErrorf(PairSize, "the certificate is %d bytes; APISIX accepts %d to %d", size, minCert, maxPEM)
	}
	if size := len(key); size < minKey || size > maxPEM {
		return pairErrorf(PairSize, "the private key is %d bytes; APISIX accepts %d to %d", size, minKey, maxPEM)
	}
	return nil
}

func parseChain(data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, pairErrorf(PairKeyInCert, "the certificate PEM contains a private key")
		}
		if block.Type != "CERTIFICATE" {
			return nil, pairErrorf(PairSyntax, "the certificate PEM contains a block of type %.40q", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, pairErrorf(PairSyntax, "certificate %d cannot be parsed", len(chain)+1)
		}
		chain = append(chain, cert)
	}
	// APISIX rejects a malformed or truncated block; pem.Decode skips it.
	if len(chain) == 0 || bytes.Count(data, []byte("-----BEGIN ")) != len(chain) {
		return nil, pairErrorf(PairSyntax, "the certificate is not complete PEM")
	}
	return chain, nil
}

func checkKey(leaf *x509.Certificate, data []byte) error {
	if !bytes.HasPrefix(data, []byte("---")) {
		return pairErrorf(PairSyntax, "the private key must begin with a PEM line, as APISIX requires")
	}
	signer, err := parseKey(data)
	if err != nil {
		return err
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return pairErrorf(PairKeyMismatch, "the private key does not match the certificate")
	}
	return nil
}

// parseKey reads the first private key and skips blocks such as EC PARAMETERS.
func parseKey(data []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil, pairErrorf(PairSyntax, "the private key is not unencrypted PEM")
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue
		}
		if signer, ok := key.(crypto.Signer); ok && err == nil {
			return signer, nil
		}
		return nil, pairErrorf(PairSyntax, "the private key cannot be parsed")
	}
}

// checkChain accepts cross-signed chains, in which several certificates signed the same one, and expired certificates if
// another valid path exists.
func checkChain(chain []*x509.Certificate, now time.Time) error {
	if err := checkTimes(chain[0], 1, now); err != nil {
		return err
	}
	var issuers error // why none of the leaf's issuers is valid
	valid := false
	for i, cert := range chain[1:] {
		if !signedOne(cert, chain[:i+1]) {
			return pairErrorf(PairChainOrder, "certificate %d of the chain did not sign any certificate before it", i+2)
		}
		if !signedOne(cert, chain[:1]) {
			continue
		}
		err := checkTimes(cert, i+2, now)
		valid = valid || err == nil
		if issuers == nil {
			issuers = err
		}
	}
	if valid {
		return nil
	}
	return issuers
}

func signedOne(cert *x509.Certificate, of []*x509.Certificate) bool {
	for _, child := range of {
		if bytes.Equal(child.RawIssuer, cert.RawSubject) && child.CheckSignatureFrom(cert) == nil {
			return true
		}
	}
	return false
}

// checkTimes checks one certificate. number counts from 1 and is for the message.
func checkTimes(cert *x509.Certificate, number int, now time.Time) error {
	switch {
	case now.After(cert.NotAfter):
		return pairErrorf(PairExpired, "certificate %d of the chain has expired", number)
	case now.Before(cert.NotBefore):
		return pairErrorf(PairNotYetValid, "certificate %d of the chain is not yet valid", number)
	}
	return nil
}

func pairErrorf(reason PairReason, format string, args ...any) *PairError {
	return &PairError{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
