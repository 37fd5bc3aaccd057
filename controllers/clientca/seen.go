// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"crypto/x509"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// seen records the CAs that issuers had while this process was running, and the latest expiry of the certificates of each that
// were replaced in the meantime, as a rewritten Secret no longer contains them.
type seen struct {
	mu       sync.Mutex
	byIssuer map[issuer.Key]map[string]*former // by fingerprint
}

// watch starts to record the certificates that CAs of an issuer signed.
func (s *seen) watch(key issuer.Key, cas []*x509.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byIssuer == nil {
		s.byIssuer = map[issuer.Key]map[string]*former{}
	}
	if s.byIssuer[key] == nil {
		s.byIssuer[key] = map[string]*former{}
	}
	for _, ca := range cas {
		if fingerprint := certs.Fingerprint(ca); s.byIssuer[key][fingerprint] == nil {
			s.byIssuer[key][fingerprint] = &former{cert: ca, watched: true}
		}
	}
}

// of returns the recorded CAs of an issuer.
func (s *seen) of(key issuer.Key) []former {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []former
	for _, f := range s.byIssuer[key] {
		all = append(all, *f)
	}
	return all
}

// count records the certificate in a Secret if a recorded CA has signed it.
func (s *seen) count(secret *corev1.Secret) {
	key, leaf := leafOf(secret)
	if leaf == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.byIssuer[key] {
		f.count(leaf)
	}
}

// unknown reports whether the certificate in a Secret is of a recorded issuer but not signed by any of its CAs. The issuer may
// have another CA now.
func (s *seen) unknown(secret *corev1.Secret) (issuer.Key, bool) {
	key, leaf := leafOf(secret)
	if leaf == nil {
		return key, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cas := s.byIssuer[key]
	for _, f := range cas {
		if signed(f.cert, leaf) {
			return key, false
		}
	}
	return key, len(cas) > 0
}

// count updates the latest expiry with a certificate that the CA has signed.
func (f *former) count(leaf *x509.Certificate) {
	if leaf.NotAfter.After(f.lastEnd) && signed(f.cert, leaf) {
		f.lastEnd = leaf.NotAfter
	}
}

// leafOf returns the certificate in a Secret, and its issuer according to the Secret. It returns nil if there is no certificate.
// The marks of a Secret can be forged, so the caller must verify the signature.
func leafOf(secret *corev1.Secret) (issuer.Key, *x509.Certificate) {
	key, ok := issuerOf(secret)
	if !ok {
		return key, nil
	}
	chain, err := certs.ParseCertificates(secret.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return key, nil
	}
	return key, chain[0]
}

// issuerOf returns the issuer of the certificate in a Secret, according to its marks.
func issuerOf(secret *corev1.Secret) (issuer.Key, bool) {
	marks := tlssecret.MarksOf(secret)
	namespace, _, owned := strings.Cut(marks.Owner, "/")
	if !owned || marks.IssuedBy == "" {
		return issuer.Key{}, false
	}
	return keyOf(namespace, v1alpha1.ParseIssuer(marks.IssuedBy)), true
}

// keyOf returns the key of the issuer that an object in a namespace refers to.
func keyOf(namespace string, ref v1alpha1.IssuerReference) issuer.Key {
	ref = ref.WithKind()
	if ref.ClusterWide() {
		namespace = ""
	}
	return issuer.Key{Kind: ref.QualifiedKind(), Namespace: namespace, Name: ref.Name}
}

// longest returns the longest lifetime of certificates.
func longest(leaves []*x509.Certificate) (most time.Duration) {
	for _, leaf := range leaves {
		most = max(most, leaf.NotAfter.Sub(leaf.NotBefore))
	}
	return most
}
