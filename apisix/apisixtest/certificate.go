// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"regexp"
	"strings"
)

// certificate is an ssl object as used by the TLS port.
type certificate struct {
	names     []string // lower case, without a final dot; nil where the object is not served
	list      bool     // the names are from snis and not from sni
	pairs     []pair   // the main one first
	protocols []uint16 // nil for the default
	roots     *x509.CertPool
	skip      []*regexp.Regexp // paths that require no client certificate
	order     int64            // of creation, among objects with the same name
}

// pair is a certificate and its key.
type pair struct {
	certificate tls.Certificate
	fault       error  // if set, the handshake fails with an internal error
	cert, key   string // of a reference, unchanged
	reference   bool
}

var (
	errUnusable = errors.New("key and certificate cannot be used together")

	// noAlgorithm makes the handshake fail, as there is no common signature algorithm.
	noAlgorithm = []tls.SignatureScheme{0xfefe}

	protocolVersions = map[string]uint16{
		"TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13,
	}
	defaultProtocols = []uint16{tls.VersionTLS12, tls.VersionTLS13}
)

// newPair checks at the write what OpenSSL checks at the handshake.
func newPair(chain []*x509.Certificate, key crypto.Signer) pair {
	p := pair{certificate: tls.Certificate{PrivateKey: key, Leaf: chain[0]}}
	for _, cert := range chain {
		p.certificate.Certificate = append(p.certificate.Certificate, cert.Raw)
	}
	sameKey, sameKind := matches(chain[0], key)
	switch {
	case key == nil, sameKind && !sameKey, weak(chain[0]):
		p.fault = errUnusable
	case !sameKind:
		p.certificate.SupportedSignatureAlgorithms = noAlgorithm
	}
	return p
}

// weak reports whether the key is below security level 1 of OpenSSL 3, such as RSA with 1024 bits.
func weak(cert *x509.Certificate) bool {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	return ok && public.N.BitLen() < 2048
}

func newCertificate(value map[string]any, pairs []pair, roots *x509.CertPool) *certificate {
	c := &certificate{pairs: pairs, roots: roots}
	if value["type"] != "client" && value["status"] != float64(0) {
		c.names, c.list = namesOf(value)
	}
	if versions, ok := value["ssl_protocols"].([]any); ok {
		c.protocols = []uint16{}
		for _, version := range versions {
			c.protocols = append(c.protocols, protocolVersions[text(version)])
		}
	}
	client, _ := value["client"].(map[string]any)
	skip, _ := client["skip_mtls_uri_regex"].([]any)
	for _, expression := range skip {
		if compiled, err := regexp.Compile(text(expression)); err == nil {
			c.skip = append(c.skip, compiled)
		}
	}
	return c
}

func namesOf(value map[string]any) (names []string, list bool) {
	snis, _ := value["snis"].([]any)
	if len(snis) == 0 {
		return []string{normal(text(value["sni"]))}, false
	}
	for _, sni := range snis {
		names = append(names, normal(text(sni)))
	}
	return names, true
}

// normal returns the name in the form in which APISIX compares names.
func normal(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

// covers decides for a name that matched one of the object whether the part matched by * has no dot. In a list, any entry
// may cause a match, even one that does not match the name: APISIX behaves like that.
func (c *certificate) covers(name string) bool {
	if !c.list && c.names[0] == "*" {
		return true
	}
	for _, own := range c.names {
		end := max(len(name)-len(own)+1, 0)
		if own == name || !strings.Contains(name[:min(end, len(name))], ".") {
			return true
		}
	}
	return false
}
