// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

// forger is a CA that signs whatever it is told, in Vault's place.
type forger struct {
	*testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{T: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "forger"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	f.cert = f.sign(template, template, f.key.Public())
	return f
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (f *forger) sign(template, parent *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	f.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, f.key)
	if err != nil {
		f.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	return cert
}

// leaf is a template for hosts that is all right.
func leaf(hosts ...string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	return &x509.Certificate{
		SerialNumber: serial, DNSNames: hosts, Subject: pkix.Name{CommonName: hosts[0]}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

// pair is a certificate for a host and its key, in PEM.
func (f *forger) pair(host string) (cert, key string) {
	f.Helper()
	private := newKey(f.T)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		f.Fatal(err)
	}
	return text(f.sign(leaf(host), f.cert, private.Public())), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// forgery is what is wrong with an answer.
type forgery struct {
	change func(*x509.Certificate)
	key    bool // it is for another key
	chain  bool // the CA beside it is not the one that signed
}

// answer makes the answer of a signature in Vault's place.
func (f *forger) answer(wrong forgery) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			CSR string `json:"csr"`
		}
		data, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(data, &body)
		block, _ := pem.Decode([]byte(body.CSR))
		request, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			f.Error(err)
			return
		}
		template, public, beside := leaf(request.DNSNames...), request.PublicKey, f.cert
		if wrong.change != nil {
			wrong.change(template)
		}
		if wrong.key {
			public = newKey(f.T).Public()
		}
		if wrong.chain {
			beside = newForger(f.T).cert
		}
		signed := f.sign(template, f.cert, public)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{
			"certificate": text(signed), "issuing_ca": text(beside), "ca_chain": []string{text(beside)}, "serial_number": certs.Serial(signed),
		}})
	})
}

func text(cert *x509.Certificate) string { return string(certs.EncodeCertificates(cert)) }
