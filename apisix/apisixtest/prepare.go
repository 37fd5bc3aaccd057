// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"maps"
)

// prepared is a valid ssl object.
type prepared struct {
	value       map[string]any // with encrypted keys
	certificate *certificate   // for the TLS port, parsed once
}

// prepare validates an ssl object as APISIX does and encrypts its keys. The value is not changed.
func (s *Server) prepare(value map[string]any) (*prepared, string) {
	if fault := sslSchema.check(value); fault != "" {
		return nil, "invalid configuration: " + fault
	}
	main, fault := s.checkPair(text(value["cert"]), text(value["key"]))
	if fault != "" {
		return nil, fault
	}
	pairs, fault := s.checkPairs(value)
	if fault != "" {
		return nil, fault
	}
	roots, fault := clientRoots(value["client"])
	if fault != "" {
		return nil, fault
	}
	p := &prepared{value: maps.Clone(value)}
	p.value["key"] = s.encrypted(text(value["key"]))
	if keys, ok := value["keys"].([]any); ok {
		encrypted := make([]any, len(keys))
		for i, key := range keys {
			encrypted[i] = s.encrypted(text(key))
		}
		p.value["keys"] = encrypted
	}
	p.certificate = newCertificate(value, append([]pair{main}, pairs...), roots)
	return p, ""
}

func (s *Server) encrypted(key string) string {
	if !isPlain(key) {
		return key
	}
	return s.keyring().encrypt(key)
}

// checkPair accepts any pair in which one is a reference, as its value is not known yet.
func (s *Server) checkPair(cert, key string) (pair, string) {
	if isReference(cert) || isReference(key) {
		return pair{cert: cert, key: key, reference: true}, ""
	}
	chain, fault := parseCerts(cert)
	if fault != "" {
		return pair{}, fault
	}
	plain, fault := s.keyring().open(key)
	if fault != "" {
		return pair{}, fault
	}
	signer, fault := parseKey(plain)
	if fault != "" {
		return pair{}, fault
	}
	return newPair(chain, signer), ""
}

// checkPairs checks certs and keys. A client certificate may have a different number of each.
func (s *Server) checkPairs(value map[string]any) ([]pair, string) {
	certs, _ := value["certs"].([]any)
	keys, _ := value["keys"].([]any)
	if value["type"] == "client" {
		return nil, ""
	}
	if len(certs) != len(keys) {
		return nil, "mismatched number of certs and keys"
	}
	var pairs []pair
	for i := range certs {
		p, fault := s.checkPair(text(certs[i]), text(keys[i]))
		if fault != "" {
			return nil, fmt.Sprintf("failed to handle cert-key pair[%d]: %s", i+1, fault)
		}
		pairs = append(pairs, p)
	}
	return pairs, ""
}

// clientRoots returns nil if no client certificate is required. A reference is accepted and never resolved here.
func clientRoots(client any) (*x509.CertPool, string) {
	fields, ok := client.(map[string]any)
	if !ok {
		return nil, ""
	}
	roots := x509.NewCertPool()
	if ca := text(fields["ca"]); !isReference(ca) {
		chain, fault := parseCerts(ca)
		if fault != "" {
			return nil, "failed to validate client_cert: " + fault
		}
		for _, cert := range chain {
			roots.AddCert(cert)
		}
	}
	return roots, ""
}

// matches reports whether the key belongs to the certificate, and whether both are of the same type.
func matches(cert *x509.Certificate, key crypto.Signer) (sameKey, sameKind bool) {
	if key == nil {
		return false, false
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey), fmt.Sprintf("%T", key.Public()) == fmt.Sprintf("%T", cert.PublicKey)
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
