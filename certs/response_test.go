// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// response is a correct response that a row changes before it is checked.
type response struct {
	*scene
	public crypto.PublicKey
}

func (a *response) resign(t testing.TB, change func(*x509.Certificate)) {
	template := *a.bundle.Leaf
	template.SerialNumber = nil
	change(&template)
	a.bundle.Leaf = a.sub.Sign(t, &template, a.bundle.Leaf.PublicKey)
}

func TestCheckResponse(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(testing.TB, *response)
		want  string
	}{
		{"right", func(testing.TB, *response) {}, ""},
		{"key made there", func(_ testing.TB, a *response) { a.public = nil }, ""},
		{"clock a little ahead", func(t testing.TB, a *response) {
			a.resign(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) })
		}, ""},
		{"nothing", func(_ testing.TB, a *response) { a.bundle = Bundle{} }, "it contains no certificate"},
		{"another key", func(t testing.TB, a *response) { a.public = mustKey(t, KeySpec{}).Public() }, "the certificate is for a different key"},
		{"no key made there", func(_ testing.TB, a *response) { a.public, a.bundle.Key = nil, Key{} }, "the certificate is for a different key"},
		{"kind of key", func(_ testing.TB, a *response) { a.spec.Key.Algorithm = RSA }, "the key is not an RSA key"},
		{"size of key", func(_ testing.TB, a *response) { a.spec.Key.Size = 384 }, "the key size is not 384 bits"},
		{"name missing", func(_ testing.TB, a *response) { a.spec.DNSNames = append(a.spec.DNSNames, "c.example.com") },
			"the certificate lacks names: c.example.com"},
		{"name extra", func(_ testing.TB, a *response) { a.spec.DNSNames = a.spec.DNSNames[:1] },
			"the certificate has names that were not requested: *.b.example.com"},
		{"IP missing", func(_ testing.TB, a *response) { a.spec.IPAddresses = []string{"192.0.2.1"} }, "the certificate lacks names: 192.0.2.1"},
		{"common name", func(_ testing.TB, a *response) { a.spec.CommonName = "other.example.com" }, "the certificate has a different common name"},
		{"not for servers", func(t testing.TB, a *response) {
			a.resign(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
		}, "the certificate lacks the usage server auth"},
		{"no CA", func(_ testing.TB, a *response) { a.bundle.CA, a.bundle.Intermediates = nil, nil }, "the CA that signed the certificate is missing"},
		{"wrong CA", func(_ testing.TB, a *response) { a.bundle.CA = parents(a.other) }, "the chain does not lead to any of the CA certificates"},
		{"wrong chain", func(_ testing.TB, a *response) { a.bundle.Intermediates = parents(a.other) },
			"the chain contains a certificate that did not sign any other in it"},
		{"expired CA", func(t testing.TB, a *response) { a.bundle.CA = parents(a.root.Renewed(t, now.Add(-time.Hour))) },
			`the certificate does not verify: CA "CN=root" expired at 2026-01-02T02:04:05Z`},
		{"expired", func(t testing.TB, a *response) {
			a.resign(t, func(c *x509.Certificate) { c.NotAfter = now })
		}, "the certificate has expired"},
		{"not valid yet", func(t testing.TB, a *response) {
			a.resign(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) })
		}, "the certificate is not valid yet"},
		{"renewed at once", func(t testing.TB, a *response) {
			a.resign(t, func(c *x509.Certificate) { c.NotAfter = now.Add(time.Second) })
		}, "the certificate would be due for renewal immediately"},
		{"short, and dated back", func(t testing.TB, a *response) {
			a.resign(t, func(c *x509.Certificate) { c.NotAfter = now.Add(time.Hour) })
		}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			a := &response{scene: s, public: s.key.Public()}
			row.spoil(t, a)
			_, err := CheckResponse(a.bundle, a.spec, a.public, now)
			var bad *ResponseError
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (!errors.As(err, &bad) || bad.Problem != row.want || bad.Fix == ""):
				t.Errorf("got %v, want %q and a fix", err, row.want)
			}
		})
	}
}

func TestCheckResponseWarnings(t *testing.T) {
	s := newScene(t)
	s.spec.Duration = 720 * day
	s.spec.Subject.Organizations = []string{"ACME"}
	s.spec.Usages = []Usage{ServerAuth, ClientAuth}
	ending := s.root.Renewed(t, s.end.Add(-day))
	leaf := ending.Sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "a.example.com"}, DNSNames: s.spec.DNSNames, NotBefore: s.start, NotAfter: s.end,
	}, s.key.Public())
	want := []string{
		"the issuer granted 2136h0m0s of the 17280h0m0s requested",
		"the certificate has a different subject: organizations",
		"the certificate lacks usages: client auth",
		"a CA in the chain expires before the certificate",
	}
	for _, late := range []time.Duration{0, 20 * time.Second} {
		got, err := CheckResponse(Bundle{Leaf: leaf, CA: parents(ending)}, s.spec, s.key.Public(), now.Add(late))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
	}
}

func TestCheckResponseRootMount(t *testing.T) {
	key := mustKey(t, KeySpec{})
	root := certstest.NewCA(t, "root", now.Add(1000*day))
	leaf := root.Sign(t, &x509.Certificate{
		DNSNames: []string{"a.example.com"}, NotBefore: now.Add(-30 * time.Second), NotAfter: now.Add(day),
	}, key.Public())
	b := Assemble(leaf, parents(root, root), now)
	warnings, err := CheckResponse(b, Spec{DNSNames: []string{"a.example.com"}, Duration: day}, key.Public(), now)
	if err != nil || warnings != nil {
		t.Errorf("%v, %v", warnings, err)
	}
}

// TestUngranted names what an issuer left out.
func TestUngranted(t *testing.T) {
	s := newScene(t)
	for want, spec := range map[string]Spec{
		"": s.spec,
		"the certificate has a different subject: organizations": {Subject: Subject{Organizations: []string{"ACME"}}},
		"the certificate lacks usages: client auth":              {Usages: []Usage{ServerAuth, ClientAuth}},
	} {
		if got := Ungranted(s.bundle.Leaf, spec); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
