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
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
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

// The whole procedure: validate a spec, generate a key and a CSR, have it signed, check the response, and decide that nothing
// is to be done until the renewal time.
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
	unrelated := newExampleCA()
	bundle := certs.Assemble(leaf, []*x509.Certificate{unrelated.cert, ca.cert, ca.cert}, exampleNow)
	first, last := bundle.Expiry()
	fmt.Println(len(bundle.Intermediates), bundle.CA[0].Subject, len(bundle.CA), first.Equal(leaf.NotAfter), last.Equal(leaf.NotAfter))
	// Output: 0 CN=Example Root 1 true true
}

// A request to an issuer whose CA has expired is pointless.
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

// The time before issuance does not count: this certificate was issued for 8 hours.
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

// The issuer's certificate lacks a requested name, so it must not replace the current one.
func ExampleCheckResponse() {
	key, _ := certs.GenerateKey(certs.KeySpec{})
	csr, _ := certs.CreateRequest(certs.Spec{DNSNames: []string{"www.example.com"}}, key)
	ca := newExampleCA()
	bundle := certs.Assemble(ca.sign(csr, time.Hour), []*x509.Certificate{ca.cert}, exampleNow)

	spec := certs.Spec{DNSNames: []string{"www.example.com", "shop.example.com"}}
	_, err := certs.CheckResponse(bundle, spec, key.Public(), exampleNow)
	var rejected *certs.ResponseError
	if errors.As(err, &rejected) {
		fmt.Println(rejected.Problem)
	}
	// Output: the certificate lacks names: shop.example.com
}

// A provided certificate that does not cover every host is better than none.
func ExampleCheckProvided() {
	key, _ := certs.GenerateKey(certs.KeySpec{})
	csr, _ := certs.CreateRequest(certs.Spec{DNSNames: []string{"www.example.com"}}, key)
	leaf := newExampleCA().sign(csr, 90*24*time.Hour)

	decision, fault := certs.CheckProvided(certs.Observed{
		SecretExists: true, CertPEM: certs.EncodeCertificates(leaf), KeyPEM: key.PEM(certs.PKCS8),
		Spec: certs.Spec{DNSNames: []string{"www.example.com", "shop.example.com"}},
	}, exampleNow)
	fmt.Println(fault.Reason, fault.Unusable, fault.Message)
	fmt.Println("check again at", decision.Recheck.Format(time.DateOnly))
	// Output:
	// HostsNotCovered false the certificate does not cover shop.example.com
	// check again at 2026-03-03
}

func ExampleCreateRequest() {
	key, _ := certs.GenerateKey(certs.KeySpec{Algorithm: certs.Ed25519})
	csrPEM, err := certs.CreateRequest(certs.Spec{DNSNames: []string{"www.example.com"}}, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	block, _ := pem.Decode(csrPEM)
	csr, _ := x509.ParseCertificateRequest(block.Bytes)
	fmt.Println(csr.Subject, csr.DNSNames, csr.PublicKeyAlgorithm)
	// Output: CN=www.example.com [www.example.com] Ed25519
}

// A Key can be logged, because it does not reveal its secret.
func ExampleKey() {
	key, _ := certs.GenerateKey(certs.KeySpec{})
	fmt.Println(key)
	fmt.Printf("%+v\n", struct{ Key certs.Key }{key})
	// Output:
	// private key (ECDSA 256)
	// {Key:private key (ECDSA 256)}
}

func ExampleRevocations() {
	ca := newExampleCA()
	der, _ := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: exampleNow, NextUpdate: exampleNow.Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(2), RevocationTime: exampleNow}},
	}, ca.cert, ca.key)
	list, _ := x509.ParseRevocationList(der)

	key, _ := certs.GenerateKey(certs.KeySpec{})
	csr, _ := certs.CreateRequest(certs.Spec{DNSNames: []string{"www.example.com"}}, key)
	leaf := ca.sign(csr, time.Hour) // its serial number is 2
	revocations := certs.NewRevocations(list)
	fmt.Println(revocations.Has(leaf), revocations.Has(ca.cert))
	// Output: true false
}

// A new certificate with a shorter lifetime than requested must not expire before the current one.
func ExampleCheckSuccessor() {
	ca := newExampleCA()
	key, _ := certs.GenerateKey(certs.KeySpec{})
	spec := certs.Spec{DNSNames: []string{"www.example.com"}, Duration: 90 * 24 * time.Hour}
	csr, _ := certs.CreateRequest(spec, key)
	current := certs.Assemble(ca.sign(csr, 30*24*time.Hour), []*x509.Certificate{ca.cert}, exampleNow)
	next := certs.Assemble(ca.sign(csr, 24*time.Hour), []*x509.Certificate{ca.cert}, exampleNow)
	err := certs.CheckSuccessor(next, current, spec, exampleNow)
	var rejected *certs.ResponseError
	if errors.As(err, &rejected) {
		fmt.Println(rejected.Problem)
	}
	// Output: the certificate would be valid for 24h0m0s of the 2160h0m0s requested and expire before the current certificate, which expires at 2026-02-01T03:04:05Z
}
