// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestValidateHosts(t *testing.T) {
	for _, row := range []struct{ host, problem string }{
		{"www.example.com", ""},
		{"localhost", ""},
		{"*.example.com", ""},
		{"*.com", ""},
		{"xn--bcher-kva.example", ""},
		{"3com.example", ""},
		{strings.Repeat("a", 63) + ".example", ""},
		{"", "is empty"},
		{"WWW.example.com", "has upper-case letters"},
		{"www.example.com.", "ends with a dot"},
		{"bücher.example", "has characters outside ASCII"},
		{"my_host.example", "has an underscore"},
		{"192.0.2.1", "is an IP address, not a host name"},
		{"2001:db8::1", "is an IP address, not a host name"},
		{"[2001:db8::1]", "is an IP address, not a host name"},
		{"https://example.com", "is a URL, not a host name"},
		{"example.com:443", "has a character that is not allowed in host names"},
		{"exam ple.com", "has a character that is not allowed in host names"},
		{"*", "has a wildcard where none is allowed"},
		{"*.*.example.com", "has a wildcard where none is allowed"},
		{"a.*.example.com", "has a wildcard where none is allowed"},
		{"*example.com", "has a wildcard where none is allowed"},
		{"*.", "ends with a dot"},
		{"a..example.com", "has an empty label"},
		{".example.com", "has an empty label"},
		{"-a.example.com", "has a label that begins or ends with a hyphen"},
		{"a-.example.com", "has a label that begins or ends with a hyphen"},
		{strings.Repeat("a", 64) + ".example", "has a label longer than 63 characters"},
		{strings.Repeat("abcdefg.", 32), "ends with a dot"},
		{strings.Repeat("abcdefg.", 31) + "abcdef", "is longer than 253 characters"},
	} {
		found := Spec{DNSNames: []string{row.host}}.Validate()
		switch {
		case row.problem == "" && len(found) > 0:
			t.Errorf("%q: %v", row.host, found)
		case row.problem != "" && (len(found) != 1 || found[0].Problem != row.problem || found[0].Fix == ""):
			t.Errorf("%q: %v, want %q and a fix", row.host, found, row.problem)
		}
	}
}

func TestValidate(t *testing.T) {
	hour, zero := time.Hour, time.Duration(0)
	hundred := 100
	for _, row := range []struct {
		spec   Spec
		fields []string
	}{
		{Spec{}, []string{"dnsNames"}},
		{Spec{IPAddresses: []string{"192.0.2.1"}}, nil},
		{Spec{DNSNames: []string{"a.example", "b.example", "a.example"}}, []string{"dnsNames[2]"}},
		{Spec{DNSNames: strings.Split(strings.Repeat("a.example ", 1001), " ")[:1001]}, append([]string{"dnsNames"}, numbered("dnsNames", 1, 1001)...)},
		{Spec{CommonName: "Some Body"}, nil},
		{Spec{CommonName: strings.Repeat("a", 65)}, []string{"commonName"}},
		{Spec{CommonName: "a\nb"}, []string{"commonName"}},
		{Spec{CommonName: "*.*.example"}, []string{"commonName"}},
		{Spec{IPAddresses: []string{"192.0.2.1/24", "fe80::1%eth0", "::1"}}, []string{"ipAddresses[0]", "ipAddresses[1]"}},
		{Spec{URIs: []string{"spiffe://a/b", "a/b", "https://b\u00fccher"}}, []string{"uris[1]", "uris[2]"}},
		{Spec{EmailAddresses: []string{"a@b.example", "A <a@b.example>", "a"}}, []string{"emailAddresses[1]", "emailAddresses[2]"}},
		{Spec{CommonName: "a", Usages: []Usage{"server auth", "serving"}}, []string{"usages[1]"}},
		{Spec{CommonName: "a", Key: KeySpec{Algorithm: "DSA"}}, []string{"privateKey.algorithm"}},
		{Spec{CommonName: "a", Key: KeySpec{Algorithm: RSA, Size: 1024}}, []string{"privateKey.size"}},
		{Spec{CommonName: "a", Key: KeySpec{Size: 2048}}, []string{"privateKey.size"}},
		{Spec{CommonName: "a", Key: KeySpec{Algorithm: Ed25519, Size: 256}}, []string{"privateKey.size"}},
		{Spec{CommonName: "a", Key: KeySpec{Encoding: "DER"}}, []string{"privateKey.encoding"}},
		{Spec{CommonName: "a", Duration: time.Second}, []string{"duration"}},
		{Spec{CommonName: "a", Duration: -hour}, []string{"duration"}},
		{Spec{CommonName: "a", Duration: hour, RenewBefore: &hour}, []string{"renewBefore"}},
		{Spec{CommonName: "a", RenewBefore: &zero}, []string{"renewBefore"}},
		{Spec{CommonName: "a", RenewBeforePercentage: &hundred}, []string{"renewBeforePercentage"}},
		{Spec{CommonName: "a", RenewBefore: &hour, RenewBeforePercentage: new(33)}, []string{"renewBeforePercentage"}},
	} {
		var fields []string
		for _, e := range row.spec.Validate() {
			fields = append(fields, e.Field)
			if e.Problem == "" || e.Fix == "" {
				t.Errorf("%+v has no problem or no fix", e)
			}
		}
		if diff := cmp.Diff(row.fields, fields); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", row.spec, diff)
		}
	}
}

func numbered(field string, from, to int) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf("%s[%d]", field, i))
	}
	return all
}

func TestFieldErrorText(t *testing.T) {
	e := Spec{DNSNames: []string{"a.example", "my_host"}}.Validate()[0]
	want := `dnsNames[1] "my_host" has an underscore: use a hyphen: host names have no underscores (RFC 1123)`
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	long := Spec{DNSNames: []string{strings.Repeat("ü", 4000)}}.Validate()[0]
	if len(long.Value) > 83 {
		t.Errorf("the value has %d bytes", len(long.Value))
	}
}

func TestNormalize(t *testing.T) {
	got := Spec{
		CommonName: " WWW.Example.com", DNSNames: []string{"WWW.Example.com ", "bücher.Example"},
		IPAddresses: []string{"2001:DB8:0::1", "::ffff:192.0.2.1", "nonsense"}, Usages: []Usage{ServerAuth, ServerAuth},
	}.Normalize()
	want := Spec{
		CommonName: "www.example.com", DNSNames: []string{"www.example.com", "bücher.example"},
		IPAddresses: []string{"2001:db8::1", "192.0.2.1", "nonsense"}, Usages: []Usage{ServerAuth},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Normalize (-want +got):\n%s", diff)
	}
	if name := (Spec{CommonName: "Some Body"}).Normalize().CommonName; name != "Some Body" {
		t.Errorf("a common name that is no host became %q", name)
	}
}

func TestMatchHost(t *testing.T) {
	for _, row := range []struct {
		pattern, host string
		want          bool
	}{
		{"a.example.com", "a.example.com", true},
		{"A.example.com", "a.EXAMPLE.com", true},
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "*.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "a.b.example.com", false},
		{"*.example.com", ".example.com", false},
		{"*.b.example.com", "*.example.com", false},
		{"*.com", "example.com", true},
		{"*", "example", false},
		{"a.example.com", "*.example.com", false},
		{"", "", false},
	} {
		if got := MatchHost(row.pattern, row.host); got != row.want {
			t.Errorf("MatchHost(%q, %q) = %v", row.pattern, row.host, got)
		}
	}
}

func TestDigest(t *testing.T) {
	base := Spec{Subject: Subject{Organizations: []string{"a", "b"}}, Usages: []Usage{ServerAuth, ClientAuth}}
	same := Spec{Subject: Subject{Organizations: []string{"b", "a"}}, Usages: []Usage{ClientAuth, ServerAuth}, Duration: day}
	if base.Digest() != same.Digest() {
		t.Error("the order of values counts")
	}
	if base.Subject.Organizations[0] != "a" {
		t.Error("Digest sorted its input")
	}
	for _, other := range []Spec{
		{},
		{Subject: Subject{Organizations: []string{"a", "b"}}},
		{Subject: Subject{Countries: []string{"a", "b"}}, Usages: base.Usages},
	} {
		if other.Digest() == base.Digest() {
			t.Errorf("%+v has the same digest", other)
		}
	}
}

func FuzzValidate(f *testing.F) {
	for _, seed := range []string{"www.example.com", "*.Example.com.", "bücher", "::1", "a_b", "*", "\xff"} {
		f.Add(seed)
	}
	key := mustKey(f, KeySpec{})
	f.Fuzz(func(t *testing.T, host string) {
		once := NormalizeHost(host)
		if twice := NormalizeHost(once); once != twice {
			t.Errorf("NormalizeHost(%q) = %q, then %q", host, once, twice)
		}
		spec := Spec{DNSNames: []string{host}}.Normalize()
		if len(spec.Validate()) > 0 {
			return
		}
		if !MatchHost(host, once) || len(once) > 253 {
			t.Errorf("%q is a host and does not match itself", host)
		}
		if _, err := CreateRequest(spec, key); err != nil {
			t.Errorf("a valid spec gives no request: %v", err)
		}
	})
}
