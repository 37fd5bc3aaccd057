// SPDX-License-Identifier: Apache-2.0

// Package certstest creates certificate authorities for tests.
//
//	root := certstest.NewCA(t, "root", now.Add(365*24*time.Hour))
//	leaf := root.Sign(t, &x509.Certificate{DNSNames: []string{"www.example.com"}, NotAfter: notAfter}, key.Public())
//
// It does not protect private keys: use it only in tests.
package certstest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// CA is a certificate authority with its private key.
type CA struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// caLifetime is the validity period of a CA. A CA with a very late NotAfter starts at latestStart instead.
const caLifetime = 20 * 365 * 24 * time.Hour

var latestStart = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// NewCA creates a root CA with that common name and a P-256 key.
func NewCA(t testing.TB, name string, notAfter time.Time) *CA {
	ca := &CA{Key: newKey(t)}
	ca.Cert = ca.sign(t, authority(name, notAfter), ca.Key.Public(), authority(name, notAfter))
	return ca
}

// Intermediate creates a CA with that common name, signed by ca.
func (ca *CA) Intermediate(t testing.TB, name string, notAfter time.Time) *CA {
	key := newKey(t)
	return &CA{Key: key, Cert: ca.sign(t, authority(name, notAfter), key.Public(), ca.Cert)}
}

// Renewed returns ca with the same name and key and another NotAfter.
func (ca *CA) Renewed(t testing.TB, notAfter time.Time) *CA {
	template := authority(ca.Cert.Subject.CommonName, notAfter)
	return &CA{Key: ca.Key, Cert: ca.sign(t, template, ca.Key.Public(), template)}
}

// CrossSigned returns ca with the same name and key, signed by parent.
func (ca *CA) CrossSigned(t testing.TB, parent *CA, notAfter time.Time) *CA {
	return &CA{Key: ca.Key, Cert: parent.sign(t, authority(ca.Cert.Subject.CommonName, notAfter), ca.Key.Public(), parent.Cert)}
}

// Sign issues a leaf certificate. template needs only names and NotAfter. NotBefore defaults to 20 minutes before
// NotAfter, and the usages default to those of a TLS server.
func (ca *CA) Sign(t testing.TB, template *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	leaf := *template
	if leaf.NotBefore.IsZero() {
		leaf.NotBefore = leaf.NotAfter.Add(-20 * time.Minute)
	}
	if leaf.KeyUsage == 0 {
		leaf.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	if leaf.ExtKeyUsage == nil {
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	return ca.sign(t, &leaf, public, ca.Cert)
}

// Pair issues a leaf certificate as Sign does, with a new P-256 key, which it also returns as PEM (PKCS #8).
func (ca *CA) Pair(t testing.TB, template *x509.Certificate) (leaf *x509.Certificate, keyPEM []byte) {
	key := newKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return ca.Sign(t, template, key.Public()), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// SignRequest issues a leaf certificate with the names in a CSR. As with Vault, the subject contains only the common
// name.
func (ca *CA) SignRequest(t testing.TB, csrPEM []byte, notBefore, notAfter time.Time) *x509.Certificate {
	block, _ := pem.Decode(csrPEM)
	if block == nil {
		t.Fatal("the request is not PEM")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return ca.Sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: request.Subject.CommonName}, DNSNames: request.DNSNames,
		IPAddresses: request.IPAddresses, URIs: request.URIs, EmailAddresses: request.EmailAddresses,
		NotBefore: notBefore, NotAfter: notAfter,
	}, request.PublicKey)
}

// PEM encodes certificates in their order.
func PEM(list ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range list {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	}
	return out.Bytes()
}

func authority(name string, notAfter time.Time) *x509.Certificate {
	notBefore := notAfter.Add(-caLifetime)
	if notBefore.After(latestStart) {
		notBefore = latestStart
	}
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: notBefore, NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func newKey(t testing.TB) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (ca *CA) sign(t testing.TB, template *x509.Certificate, public crypto.PublicKey, parent *x509.Certificate) *x509.Certificate {
	var err error
	if template.SerialNumber == nil {
		if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
			t.Fatal(err)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
