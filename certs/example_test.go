// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

var exampleNow = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// exampleCA is a root that signs requests, as an issuer would.
type exampleCA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newExampleCA() exampleCA {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Root"}, NotBefore: exampleNow.AddDate(-1, 0, 0), NotAfter: exampleNow.AddDate(9, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	cert, _ := x509.ParseCertificate(der)
	return exampleCA{cert, key}
}

func (ca exampleCA) sign(csrPEM []byte, lifetime time.Duration) *x509.Certificate {
	block, _ := pem.Decode(csrPEM)
	csr, _ := x509.ParseCertificateRequest(block.Bytes)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: csr.Subject, DNSNames: csr.DNSNames, NotBefore: exampleNow, NotAfter: exampleNow.Add(lifetime),
	}
	der, _ := x509.CreateCertificate(rand.Reader, template, ca.cert, csr.PublicKey, ca.key)
	cert, _ := x509.ParseCertificate(der)
	return cert
}

// The whole way: validate what is wanted, make a key and a request, have it signed, check the response, and see that nothing
// is left to do until the renewal time.
func Example() {
	spec := certs.Spec{DNSNames: []string{"WWW.example.com"}, Duration: 90 * 24 * time.Hour}.Normalize()
	if problems := spec.Validate(); len(problems) > 0 {
		fmt.Println(problems[0])
		return
	}
	key, err := certs.GenerateKey(spec.Key)
	if err != nil {
		fmt.Println(err)
		return
	}
	csr, err := certs.CreateRequest(spec, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	ca := newExampleCA()
	leaf := ca.sign(csr, spec.Duration)
	bundle := certs.Assemble(leaf, []*x509.Certificate{ca.cert}, exampleNow)
	warnings, err := certs.CheckResponse(bundle, spec, key.Public(), exampleNow)
	if err != nil {
		fmt.Println(err)
		return
	}
	decision := certs.Decide(certs.Observed{
		SecretExists: true, CertPEM: bundle.CertPEM(), KeyPEM: key.PEM(certs.PKCS8), CAPEM: bundle.CAPEM(), IssuedAt: exampleNow, Spec: spec,
	}, exampleNow)
	fmt.Println(warnings, decision.Issue, decision.RenewAt.Format(time.RFC3339))
	// Output: [] false 2026-03-03T03:04:05Z
}

func ExampleDecide() {
	spec := certs.Spec{DNSNames: []string{"WWW.example.com"}}.Normalize()
	for _, problem := range spec.Validate() {
		fmt.Println(problem)
	}
	decision := certs.Decide(certs.Observed{Spec: spec}, exampleNow)
	fmt.Println(decision.Issue, decision.Reason, decision.Message)
	// Output: true SecretMissing the Secret does not exist
}

func ExampleSpec_Validate() {
	spec := certs.Spec{DNSNames: []string{"www.example.com.", "*.*.example.com"}, Key: certs.KeySpec{Size: 2048}}
	for _, problem := range spec.Validate() {
		fmt.Println(problem)
	}
	// Output:
	// dnsNames[0] "www.example.com." ends with a dot: remove the trailing dot
	// dnsNames[1] "*.*.example.com" has a wildcard where none is allowed: use "*" only as the whole first label, for example "*.example.com"
	// privateKey.size "2048" is not a valid size for an ECDSA key: set privateKey.algorithm: RSA
}

func ExampleSpec_Normalize() {
	spec := certs.Spec{
		DNSNames: []string{"WWW.example.com"}, IPAddresses: []string{"2001:DB8:0::1"},
		URIs: []string{"SPIFFE://example.org/shop web#"}, EmailAddresses: []string{"Ops@Example.com"},
	}.Normalize()
	fmt.Println(spec.DNSNames, spec.IPAddresses, spec.URIs, spec.EmailAddresses)
	// Output: [www.example.com] [2001:db8::1] [spiffe://example.org/shop%20web] [Ops@example.com]
}

// A client that trusts one root alone finds its path through a CA that two roots signed.
func ExampleAssemble() {
	ca := newExampleCA()
	key, _ := certs.GenerateKey(certs.KeySpec{})
	csr, _ := certs.CreateRequest(certs.Spec{DNSNames: []string{"www.example.com"}}, key)
	leaf := ca.sign(csr, time.Hour)
	stranger := newExampleCA()
	bundle := certs.Assemble(leaf, []*x509.Certificate{stranger.cert, ca.cert, ca.cert}, exampleNow)
	first, last := bundle.Expiry()
	fmt.Println(len(bundle.Intermediates), bundle.CA[0].Subject, len(bundle.CA), first.Equal(leaf.NotAfter), last.Equal(leaf.NotAfter))
	// Output: 0 CN=Example Root 1 true true
}

// There is no point in a request to an issuer whose CA has expired.
func ExampleCheckCA() {
	ca := newExampleCA()
	err := certs.CheckCA([]*x509.Certificate{ca.cert}, exampleNow.AddDate(10, 0, 0))
	var expired *certs.CAExpiredError
	fmt.Println(errors.As(err, &expired))
	fmt.Println(err)
	// Output:
	// true
	// CA "CN=Example Root" expired at 2035-01-02T03:04:05Z: renew the CA and configure the renewed CA in the issuer (for Vault: import it into the mount)
}

// What an issuer dates back does not count: this certificate was issued for 8 hours.
func ExampleRenewalTime() {
	notBefore, notAfter := exampleNow.Add(-24*time.Hour), exampleNow.Add(8*time.Hour)
	start := certs.LifetimeStart(notBefore, exampleNow, exampleNow)
	fmt.Println(notAfter.Sub(certs.RenewalTime(start, notAfter, certs.Spec{}, "")))
	// Output: 2h40m0s
}

func ExampleNextKeySpec() {
	old, _ := certs.GenerateKey(certs.KeySpec{Algorithm: certs.RSA})
	next, _ := certs.GenerateKey(certs.NextKeySpec(certs.KeySpec{}, certs.Bundle{Key: old}))
	fmt.Println(next) // never the secret
	// Output: private key (RSA 2048)
}

func ExampleMatchHost() {
	fmt.Println(certs.MatchHost("*.example.com", "www.example.com"), certs.MatchHost("*.example.com", "a.b.example.com"))
	// Output: true false
}

func ExampleParseBundle() {
	_, err := certs.ParseBundle([]byte("no PEM"), nil, nil)
	var bad *certs.BundleError
	fmt.Println(errors.As(err, &bad), err)
	// Output: true tls.crt: contains no certificate
}

func ExampleBackoff() {
	for failures := 1; failures <= 4; failures++ {
		fmt.Print(certs.Backoff(failures, 24*time.Hour), " ")
	}
	// Output: 5s 10s 20s 40s
}

func ExampleExpiryThreshold() {
	reached, next := certs.ExpiryThreshold(exampleNow.AddDate(-1, 0, 0), exampleNow.Add(10*24*time.Hour), exampleNow)
	fmt.Println(reached, next.Format(time.DateOnly))
	// Output: 720h0m0s 2026-01-05
}
