// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

func TestCRL(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	response, err := s.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	leaf := response.Bundle.Leaf
	serve := func(ca *certstest.CA) {
		der := newCRL(t, ca, leaf.SerialNumber)
		f.SetHandler("pki/crl", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(der) })
	}
	serve(f.CA)
	if list, err := s.CRL(t.Context()); err != nil || !certs.RevokedBy(list, leaf) {
		t.Errorf("%v", err)
	}
	serve(certstest.NewCA(t, "root", now.Add(time.Hour)))
	if _, err := s.CRL(t.Context()); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "not signed by the CA") {
		t.Errorf("a forged CRL: %v", err)
	}
	f.SetHandler("pki/crl", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("no DER")) })
	if _, err := s.CRL(t.Context()); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "cannot be parsed") {
		t.Errorf("no CRL: %v", err)
	}
}

func newCRL(t *testing.T, ca *certstest.CA, serial *big.Int) []byte {
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: serial, RevocationTime: now}},
	}, ca.Cert, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
