// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// TestNamesRoundTrip: requested names, however they are written, match those of the certificate, or they are rejected
// before a request.
func TestNamesRoundTrip(t *testing.T) {
	ca, key := certstest.NewCA(t, "root", now.Add(1000*day)), mustKey(t, KeySpec{})
	for _, row := range []struct {
		name, want string // normalized
		refused    string
	}{
		{"SPIFFE://example.org/ns/shop/sa/web", "spiffe://example.org/ns/shop/sa/web", ""},
		{"spiffe://example.org/shop web", "spiffe://example.org/shop%20web", ""},
		{"https://example.org/a#", "https://example.org/a", ""},
		{"https://EXAMPLE.org/a", "https://EXAMPLE.org/a", ""},
		{"spiffe://example.org/a,b", "spiffe://example.org/a,b", ""},
		{"spiffe://example.org/%41", "spiffe://example.org/%41", ""},
		{"spiffe://example.org/a%2fb", "spiffe://example.org/a%2fb", ""},
		{" spiffe://example.org/a\t", "spiffe://example.org/a", ""},
		{"https://example.org/<a>?q=a b#c d", "https://example.org/%3Ca%3E?q=a b#c%20d", ""},
		{"https://example.org/a?", "https://example.org/a?", ""},
		{"https://user@example.org:8443/", "https://user@example.org:8443/", ""},
		{"https://[2001:DB8::1]/", "https://[2001:DB8::1]/", ""},
		{"URN:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", ""},
		{"https://example.org/ü", "", "has characters outside ASCII"},
		{"https://bücher.example/", "", "has characters outside ASCII"},
		{"https://exam ple.org/", "", "is not an absolute URI"},
		{"https://example.org./", "", "has an empty label in its host"},
		{"https://.example.org/", "", "has an empty label in its host"},
		{"spiffe:", "", "has nothing after its scheme"},
		{"spiffe://", "", "has nothing after its scheme"},
		{"example.org/a", "", "is not an absolute URI"},
		{"spiffe://example.org/%zz", "", "is not an absolute URI"},
		{"spiffe://example.org/a\nb", "", "is not an absolute URI"},
	} {
		spec := Spec{URIs: []string{row.name}}.Normalize()
		problems := spec.Validate()
		if row.refused != "" {
			if len(problems) != 1 || problems[0].Problem != row.refused || problems[0].Fix == "" {
				t.Errorf("%q: %v, want %q", row.name, problems, row.refused)
			}
			continue
		}
		if len(problems) > 0 || spec.URIs[0] != row.want {
			t.Errorf("%q became %q: %v", row.name, spec.URIs[0], problems)
			continue
		}
		csr, err := CreateRequest(spec, key)
		if err != nil {
			t.Errorf("%q: %v", row.name, err)
			continue
		}
		leaf := ca.SignRequest(t, csr, now, now.Add(day))
		for _, as := range []string{row.name, row.want} {
			if got := nameDifference(leaf, Spec{URIs: []string{as}}); got != "" {
				t.Errorf("%q: %s", as, got)
			}
		}
	}
}

func TestNormalizeMail(t *testing.T) {
	for name, want := range map[string]string{
		"Ops@Example.COM": "Ops@example.com", " a@b.example ": "a@b.example", "@": "@", "none": "none", "a@B@C.example": "a@B@c.example",
	} {
		if got := normalizeEmail(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}

// TestURIsAreNormalizedFirst: the error for a spec that is not normalized says what to write.
func TestURIsAreNormalizedFirst(t *testing.T) {
	got := Spec{URIs: []string{"SPIFFE://example.org/a"}}.Validate()
	if len(got) != 1 || got[0].Error() != `uris[0] "SPIFFE://example.org/a" is not normalized: write it as "spiffe://example.org/a"` {
		t.Error(got)
	}
}

func TestLongCommonName(t *testing.T) {
	long := strings.Repeat("a", 61) + ".example"
	problems := Spec{CommonName: long}.Normalize().Validate()
	if len(problems) != 1 || problems[0].Field != "commonName" || problems[0].Problem != "is longer than 64 bytes" {
		t.Error(problems)
	}
	// 40 characters, but 80 bytes.
	if problems := (Spec{CommonName: strings.Repeat("ü", 40)}).Normalize().Validate(); len(problems) != 1 {
		t.Error(problems)
	}
}

// TestNameSet is MatchHost.
func TestNameSet(t *testing.T) {
	hosts := []string{"", "a.example.com", "A.Example.com ", "*.example.com", "example.com", "a.b.example.com", ".example.com", "com", "*", "*.com", "example"}
	for _, pattern := range hosts {
		for _, host := range hosts {
			if got, want := newNameSet([]string{pattern}).matches(host), MatchHost(pattern, host); got != want {
				t.Errorf("%q covers %q: %v, MatchHost says %v", pattern, host, got, want)
			}
		}
	}
}

// manyNames are as many as a certificate may have.
func manyNames() []string {
	var names []string
	for i := range maxNames {
		names = append(names, fmt.Sprintf("host-%04d.shop.example.com", i))
	}
	return names
}

func TestManyNames(t *testing.T) {
	s := newScene(t)
	s.spec.DNSNames = manyNames()
	if problems := s.spec.Normalize().Validate(); len(problems) > 0 {
		t.Fatal(problems[0])
	}
	s.issue(t)
	if _, err := CheckResponse(s.bundle, s.spec, s.key.Public(), now); err != nil {
		t.Error(err)
	}
	if d := Decide(s.Observed, now); d.Issue {
		t.Error(d.Message)
	}
	if _, fault := CheckProvided(s.Observed, now); fault != (Fault{}) {
		t.Error(fault)
	}
	// What APISIX takes.
	if size := len(s.CertPEM); size > 1<<16 {
		t.Errorf("%d bytes of PEM", size)
	}
}

// FuzzNames asks for any names, and finds them in what is signed.
func FuzzNames(f *testing.F) {
	f.Add("www.example.com", "192.0.2.1", "SPIFFE://example.org/a b#", "Ops@Example.com")
	f.Add("*.Example.com", "::FFFF:192.0.2.1", "urn:a:%41,b", `"a b"@example.com`)
	f.Add("a", "2001:db8::1", "x://[::1]:1/?", "a@b")
	ca, key := certstest.NewCA(f, "root", now.Add(1000*day)), mustKey(f, KeySpec{})
	f.Fuzz(func(t *testing.T, host, ip, uri, mail string) {
		written := Spec{DNSNames: []string{host}, IPAddresses: []string{ip}, URIs: []string{uri}, EmailAddresses: []string{mail}}
		spec := written.Normalize()
		if again := spec.Normalize(); fmt.Sprint(again) != fmt.Sprint(spec) {
			t.Errorf("%+v, normalized again %+v", spec, again)
		}
		// Each alone, or one that is refused would hide the others.
		for _, one := range []Spec{{DNSNames: spec.DNSNames}, {IPAddresses: spec.IPAddresses}, {URIs: spec.URIs}, {EmailAddresses: spec.EmailAddresses}} {
			if len(one.Validate()) > 0 {
				continue
			}
			csr, err := CreateRequest(one, key)
			if err != nil {
				t.Fatalf("%+v: %v", one, err)
			}
			if difference := nameDifference(ca.SignRequest(t, csr, now, now.Add(day)), one); difference != "" {
				t.Errorf("%+v: %s", one, difference)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	for n, names := range map[string][]string{"1": {"www.example.com"}, "1000": manyNames()} {
		b.Run(n, func(b *testing.B) {
			spec := Spec{DNSNames: names}
			for b.Loop() {
				if problems := spec.Normalize().Validate(); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}

func BenchmarkDecideManyNames(b *testing.B) {
	s := newScene(b)
	s.spec.DNSNames = manyNames()
	s.issue(b)
	for b.Loop() {
		if d := Decide(s.Observed, now); d.Issue {
			b.Fatal(d.Message)
		}
	}
}

func BenchmarkCheckProvidedManyNames(b *testing.B) {
	s := newScene(b)
	s.spec.DNSNames = manyNames()
	s.issue(b)
	for b.Loop() {
		if _, fault := CheckProvided(s.Observed, now); fault != (Fault{}) {
			b.Fatal(fault)
		}
	}
}

// MatchHosts is MatchHost for each of the names.
func TestMatchHosts(t *testing.T) {
	names := []string{"a.example", "*.B.example", "", "*"}
	hosts := []string{"a.example", "A.Example", "b.example", "x.b.example", "x.y.b.example", "*.b.example", ".b.example", "", "*", "x", "c.example"}
	for _, host := range hosts {
		want := slices.ContainsFunc(names, func(name string) bool { return MatchHost(name, host) })
		if got := MatchHosts(names)(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
	if MatchHosts(nil)("a.example") {
		t.Error("no name matches")
	}
}
