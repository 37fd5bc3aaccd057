// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parseRequest(t testing.TB, spec Spec, key Key) *x509.CertificateRequest {
	t.Helper()
	data, err := CreateRequest(spec, key)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" || len(rest) > 0 {
		t.Fatalf("not one certificate request: %s", data)
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func TestCreateRequest(t *testing.T) {
	for _, spec := range []KeySpec{{}, {Algorithm: RSA}, {Algorithm: Ed25519}} {
		key := mustKey(t, spec)
		got := parseRequest(t, Spec{
			CommonName: "cn.example.com", DNSNames: []string{"a.example.com"}, IPAddresses: []string{"2001:db8::1"},
			URIs: []string{"spiffe://a/b"}, EmailAddresses: []string{"ops@example.com"},
			Subject: Subject{Organizations: []string{"ACME"}, SerialNumber: "7"},
		}, key)
		if err := got.CheckSignature(); err != nil || !samePublic(key.Public(), got.PublicKey) {
			t.Errorf("%s: signature %v", key, err)
		}
		if got.Subject.CommonName != "cn.example.com" || got.Subject.Organization[0] != "ACME" || got.Subject.SerialNumber != "7" {
			t.Errorf("subject %s", got.Subject)
		}
		sans := append([]string{got.IPAddresses[0].String(), got.URIs[0].String(), got.EmailAddresses[0]}, got.DNSNames...)
		want := []string{"2001:db8::1", "spiffe://a/b", "ops@example.com", "a.example.com", "cn.example.com"}
		if diff := cmp.Diff(want, sans); diff != "" {
			t.Errorf("SANs (-want +got):\n%s", diff)
		}
	}
}

func TestCreateRequestCommonName(t *testing.T) {
	long := strings.Repeat("a", 60) + ".example"
	for _, row := range []struct {
		spec Spec
		want string
	}{
		{Spec{DNSNames: []string{long, "b.example"}}, "b.example"},
		{Spec{DNSNames: []string{"*.a.example"}}, "*.a.example"},
		{Spec{DNSNames: []string{long}}, ""},
		{Spec{IPAddresses: []string{"192.0.2.1"}}, ""},
		{Spec{CommonName: "Some Body", DNSNames: []string{"b.example"}}, "Some Body"},
	} {
		got := parseRequest(t, row.spec, mustKey(t, KeySpec{}))
		if got.Subject.CommonName != row.want || len(got.DNSNames) != len(row.spec.DNSNames) {
			t.Errorf("%+v: common name %q, names %v", row.spec, got.Subject.CommonName, got.DNSNames)
		}
	}
}

func TestCreateRequestUsages(t *testing.T) {
	for _, row := range []struct {
		usages []Usage
		want   []string // DER of the extensions in hex, from openssl
	}{
		{nil, nil},
		{[]Usage{DigitalSignature, KeyEncipherment}, []string{"030205a0"}},
		{[]Usage{"decipher only"}, []string{"0303070080"}},
		{[]Usage{ServerAuth, ClientAuth, ServerAuth}, []string{"301406082b0601050507030106082b06010505070302"}},
		{[]Usage{"signing", AnyUsage}, []string{"03020780", "30060604551d2500"}},
	} {
		got := parseRequest(t, Spec{DNSNames: []string{"a.example"}, Usages: row.usages}, mustKey(t, KeySpec{}))
		if diff := cmp.Diff(row.want, usageValues(got.Extensions)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", row.usages, diff)
		}
	}
	for _, u := range Usages() {
		if _, err := usageExtensions([]Usage{u}); err != nil {
			t.Errorf("%s: %v", u, err)
		}
		if ext, ok := extKeyUsages[u]; ok && extKeyUsageOIDs[ext] == nil {
			t.Errorf("%s has no object identifier", u)
		}
	}
}

func usageValues(extensions []pkix.Extension) []string {
	var values []string
	for _, e := range extensions {
		if e.Id.Equal(oidKeyUsage) || e.Id.Equal(oidExtKeyUsage) {
			values = append(values, hex.EncodeToString(e.Value))
		}
	}
	return values
}

func TestCreateRequestRefuses(t *testing.T) {
	if _, err := CreateRequest(Spec{DNSNames: []string{"a_b"}}, mustKey(t, KeySpec{})); err == nil {
		t.Error("a bad host passes")
	}
	if _, err := CreateRequest(Spec{DNSNames: []string{"a.example"}}, Key{}); err == nil {
		t.Error("no key passes")
	}
}

func BenchmarkCreateRequest(b *testing.B) {
	spec, key := Spec{DNSNames: []string{"a.example.com", "*.b.example.com"}}, mustKey(b, KeySpec{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CreateRequest(spec, key); err != nil {
			b.Fatal(err)
		}
	}
}
