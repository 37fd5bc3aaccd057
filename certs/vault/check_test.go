// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

func TestCheck(t *testing.T) {
	f := newVault(t)
	got, err := open(t, configOf(f)).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := Status{
		Version: "1.21.4", CAs: got.CAs, CANotAfter: f.CA.Cert.NotAfter,
		Role: &Role{Name: "web", KeyType: "any", AllowAnyName: true, AllowWildcards: true, IssuerRef: "default", MaxTTL: time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Check (-want +got):\n%s", diff)
	}
	if len(got.CAs) != 1 || !got.CAs[0].Equal(f.CA.Cert) {
		t.Errorf("%d CAs", len(got.CAs))
	}
}

func TestCheckErrors(t *testing.T) {
	health := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	}
	for _, row := range []struct {
		name, path string
		response   http.HandlerFunc
		kind       Kind
		want       string
	}{
		{"sealed", "sys/health", health(`{"initialized":true,"sealed":true}`), Transient, "health: Vault is sealed"},
		{"not initialized", "sys/health", health(`{"initialized":false,"sealed":true}`), Transient, "health: Vault is not initialized"},
		{"login refused", "auth/approle/login", vaulttest.ErrorHandler(400, "invalid role or secret ID"), Setup, "login: invalid role or secret ID"},
		{"policy", "sys/capabilities-self", func(w http.ResponseWriter, _ *http.Request) {
			vaulttest.WriteData(w, map[string]any{"capabilities": []string{"read"}})
		}, Setup, "does not allow pki/sign/web"},
		{"no role", "pki/roles/web", vaulttest.ErrorHandler(404), Setup, "unknown role at pki/roles/web"},
		{"no mount", "pki/roles/web", vaulttest.ErrorHandler(404, `no handler for route "pki/roles/web". route entry not found.`), Setup, "no secrets engine is mounted at pki/roles/web"},
		{"gone in between", "pki/roles/web", vaulttest.ErrorHandler(503, "Vault is sealed"), Transient, "role: Vault is sealed"},
	} {
		f := newVault(t)
		f.SetHandler(row.path, row.response)
		_, err := open(t, configOf(f)).Check(t.Context())
		if kindOfError(t, err) != row.kind || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// Without permission to read the role, the CA is known from the first response.
func TestCheckWithoutRights(t *testing.T) {
	f := newVault(t)
	denied := vaulttest.ErrorHandler(403, "1 error occurred:\n\t* permission denied\n\n")
	f.SetHandler("pki/roles/web", denied)
	f.SetHandler("sys/capabilities-self", denied)
	s := open(t, configOf(f))
	status, err := s.Check(t.Context())
	if err != nil || status.Role != nil || status.CAs != nil || len(status.Notes) != 1 || !strings.Contains(status.Notes[0], "read pki/roles/web") {
		t.Errorf("%+v, %v", status, err)
	}
	if status.Rejections(certs.Spec{}) != nil {
		t.Error("a role that is not known objects")
	}
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if status, err = s.Check(t.Context()); err != nil || len(status.CAs) != 1 || !status.CANotAfter.Equal(f.CA.Cert.NotAfter) {
		t.Errorf("after an answer: %+v, %v", status, err)
	}
}

func TestHealthOutsideOfNamespaces(t *testing.T) {
	f := newVault(t)
	var namespace string
	f.SetHandler("sys/health", func(w http.ResponseWriter, r *http.Request) {
		namespace = r.Header.Get("X-Vault-Namespace")
		_, _ = w.Write([]byte(`{"initialized":true}`))
	})
	c := configOf(f)
	c.Namespace = "team"
	if _, err := open(t, c).Check(t.Context()); err != nil || namespace != "" {
		t.Errorf("namespace %q, %v", namespace, err)
	}
}

func TestRejections(t *testing.T) {
	domain := Role{KeyType: "any", AllowedDomains: []string{"example.com"}, AllowSubdomains: true, AllowWildcards: true, RequireCN: true}
	with := func(change func(*Role)) Role { r := domain; change(&r); return r }
	host := func(names ...string) certs.Spec { return certs.Spec{DNSNames: names} }
	for _, row := range []struct {
		name  string
		role  Role
		makes bool
		spec  certs.Spec
		want  []string // fields
		fix   string
	}{
		{"right", domain, false, host("www.example.com", "*.example.com", "*.a.example.com"), nil, ""},
		{"EC key of an rsa role", with(func(r *Role) { r.KeyType = "rsa" }), false, host("www.example.com"), []string{"privateKey.algorithm"}, "set privateKey.algorithm: RSA, or the role's key_type=any"},
		{"RSA key of an rsa role", with(func(r *Role) { r.KeyType, r.KeyBits = "rsa", 2048 }), false, certs.Spec{CommonName: "www.example.com", Key: certs.KeySpec{Algorithm: certs.RSA}}, nil, ""},
		{"short key", with(func(r *Role) { r.KeyType, r.KeyBits = "rsa", 4096 }), false, certs.Spec{CommonName: "www.example.com", Key: certs.KeySpec{Algorithm: certs.RSA}}, []string{"privateKey.size"}, "set privateKey.size: 4096, or smaller key_bits in the role"},
		{"Vault makes the key", with(func(r *Role) { r.KeyType = "rsa" }), true, host("www.example.com"), nil, ""},
		{"Vault makes another key", with(func(r *Role) { r.KeyType = "rsa" }), true, certs.Spec{CommonName: "www.example.com", Key: certs.KeySpec{Algorithm: certs.ECDSA}}, []string{"privateKey.algorithm"}, ""},
		{"Vault makes any key", domain, true, host("www.example.com"), []string{"issuerRef"}, ""},
		{"bare domain", domain, false, host("www.example.com", "example.com"), []string{"dnsNames[1]"}, "set the role's allow_bare_domains=true"},
		{"bare domain allowed", with(func(r *Role) { r.AllowBareDomains = true }), false, host("example.com"), nil, ""},
		{"other domain", domain, false, host("www.example.org"), []string{"dnsNames[0]"}, "use a name in the role's allowed_domains, or add its domain there"},
		{"end of a domain", domain, false, host("badexample.com"), []string{"dnsNames[0]"}, ""},
		{"common name", domain, false, certs.Spec{CommonName: "www.example.org", DNSNames: []string{"www.example.com"}}, []string{"commonName"}, ""},
		{"subdomain", with(func(r *Role) { r.AllowSubdomains = false }), false, host("www.example.com"), []string{"dnsNames[0]"}, "set the role's allow_subdomains=true"},
		{"wildcard", with(func(r *Role) { r.AllowWildcards = false }), false, host("*.example.com"), []string{"dnsNames[0]"}, "set the role's allow_wildcard_certificates=true"},
		{"glob", with(func(r *Role) { r.AllowedDomains = []string{"web-*.example.org"} }), false, host("web-1.example.org"), []string{"dnsNames[0]"}, "set the role's allow_glob_domains=true"},
		{"glob allowed", with(func(r *Role) { r.AllowedDomains, r.AllowGlobDomains = []string{"web-*.example.org"}, true }), false, host("web-1.example.org"), nil, ""},
		{"any name", Role{KeyType: "any", AllowAnyName: true, AllowWildcards: true}, false, host("a.example", "*.b.example"), nil, ""},
		{"localhost", Role{KeyType: "any", AllowLocalhost: true}, false, host("localhost"), nil, ""},
		{"by identity", Role{KeyType: "any", Templated: true}, false, host("a.example"), nil, ""},
		{"no common name", domain, false, certs.Spec{IPAddresses: []string{"::1"}}, []string{"commonName", "ipAddresses"}, "set it, or the role's require_cn=false"},
		{"IP", with(func(r *Role) { r.AllowIPSANs = true }), false, certs.Spec{CommonName: "www.example.com", IPAddresses: []string{"::1"}}, nil, ""},
		{"URI", with(func(r *Role) { r.AllowedURISANs = []string{"spiffe://a/*"} }), false, certs.Spec{CommonName: "www.example.com", URIs: []string{"spiffe://a/b", "spiffe://c"}}, []string{"uris[1]"}, ""},
		{"mail", domain, false, certs.Spec{CommonName: "www.example.com", EmailAddresses: []string{"a@www.example.com", "a@example.org"}}, []string{"emailAddresses[1]"}, ""},
		{"duration", with(func(r *Role) { r.MaxTTL = 72 * time.Hour }), false, certs.Spec{CommonName: "www.example.com", Duration: 720 * time.Hour}, []string{"duration"}, "set 72h0m0s or less, or raise the role's max_ttl"},
	} {
		found := Status{Role: &row.role, MakesKey: row.makes}.Rejections(row.spec)
		var fields []string
		for _, e := range found {
			fields = append(fields, e.Field)
		}
		if diff := cmp.Diff(row.want, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
		if row.fix != "" && (len(found) == 0 || found[0].Fix != row.fix) {
			t.Errorf("%s: %v, want %q", row.name, found, row.fix)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, row := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"a*", "ab", true}, {"*b", "ab", true},
		{"a*c", "abc", true}, {"a*a", "a", false}, {"a*b*c", "a-b-c", true}, {"a*b*c", "a-c-b", false}, {"**", "x", true},
	} {
		if got := glob(row.pattern, row.name); got != row.want {
			t.Errorf("glob(%q, %q) = %v", row.pattern, row.name, got)
		}
	}
}
