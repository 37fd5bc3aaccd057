// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"strings"
)

// Messages of APISIX for data that OpenSSL cannot parse.
const (
	faultCert  = "failed to parse cert: PEM_read_bio_X509_AUX() failed"
	faultChain = "failed to parse cert: PEM_read_bio_X509() failed"
	faultKey   = "failed to parse key: PEM_read_bio_PrivateKey() failed"
)

// block is one PEM block as OpenSSL finds it. encoding/pem is not used as it skips malformed blocks.
type block struct {
	kind   string
	der    []byte
	broken bool
}

// nextBlock returns false if there are no more blocks.
func nextBlock(text string) (b block, rest string, ok bool) {
	start := strings.Index("\n"+text, "\n-----BEGIN ")
	if start < 0 {
		return block{}, "", false
	}
	line, rest, _ := strings.Cut(text[start:], "\n")
	kind, armoured := strings.CutSuffix(strings.TrimPrefix(strings.TrimSpace(line), "-----BEGIN "), "-----")
	content, rest, ended := strings.Cut(rest, "-----END "+kind+"-----")
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
	return block{kind: kind, der: der, broken: !armoured || !ended || err != nil}, rest, true
}

// parseCerts reads a chain. Like OpenSSL, it skips blocks of other types.
func parseCerts(text string) (chain []*x509.Certificate, fault string) {
	for {
		b, rest, ok := nextBlock(text)
		if !ok && len(chain) > 0 {
			return chain, ""
		}
		fault := faultChain
		if len(chain) == 0 {
			fault = faultCert
		}
		if !ok || b.broken {
			return nil, fault
		}
		text = rest
		if !strings.HasSuffix(b.kind, "CERTIFICATE") {
			continue
		}
		cert, err := x509.ParseCertificate(b.der)
		if err != nil {
			return nil, fault
		}
		chain = append(chain, cert)
	}
}

// parseKey reads the first private key. The key is nil, without a fault, for a type that Go cannot sign with.
func parseKey(text string) (key crypto.Signer, fault string) {
	for {
		b, rest, ok := nextBlock(text)
		if !ok || b.broken || b.kind == "ENCRYPTED PRIVATE KEY" {
			return nil, faultKey
		}
		text = rest
		if !strings.HasSuffix(b.kind, "PRIVATE KEY") {
			continue
		}
		parsed, err := parseKeyDER(b.kind, b.der)
		if err != nil && !isDSA(b.der) {
			return nil, faultKey
		}
		signer, _ := parsed.(crypto.Signer)
		return signer, ""
	}
}

func parseKeyDER(kind string, der []byte) (any, error) {
	switch kind {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	}
	return x509.ParsePKCS8PrivateKey(der)
}

// isDSA reports whether der is a PKCS #8 key (RFC 5958) of DSA (RFC 3279, section 2.3.2), which OpenSSL reads and Go does
// not.
func isDSA(der []byte) bool {
	var key struct {
		Version   int
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Key []byte
	}
	_, err := asn1.Unmarshal(der, &key)
	return err == nil && key.Algorithm.OID.Equal(asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1})
}
