// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"maps"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/servers"
)

func TestRealVaultChecks(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	limited := TokenAuth{v.limitedToken(`path "pki/sign/any" { capabilities = ["update"] }`)}
	for _, row := range []struct {
		name, path string
		auth       Auth
		kind       Kind
		want       string // of the error or the note
	}{
		{"all right", "pki/sign/any", nil, "", ""},
		{"may not read the role", "pki/sign/any", limited, "", "allow its policy to read pki/roles/any"},
		{"policy", "pki/sign/ec", limited, Setup, "does not allow pki/sign/ec"},
		{"no role", "pki/sign/nope", nil, Setup, "unknown role at pki/roles/nope"},
		{"no mount", "nope/sign/any", nil, Setup, "no secrets engine is mounted"},
	} {
		c := v.config(row.path)
		if row.auth != nil {
			c.Auth = row.auth
		}
		status, err := open(t, c).Check(t.Context())
		said := strings.Join(status.Notes, " ")
		if err != nil {
			said = err.Error()
		}
		if kindOfError(t, err) != row.kind || !strings.Contains(said, row.want) {
			t.Errorf("%s: %+v, %v", row.name, status, err)
		}
	}
	status, err := open(t, v.config("int/sign/moelove-dot-info")).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(status.CAs) != 2 || status.CAs[0].Subject.CommonName != "int" || status.CAs[1].Subject.CommonName != "pki root" {
		t.Errorf("%d CAs", len(status.CAs))
	}
	var fields []string
	for _, e := range status.Rejections(certs.Spec{DNSNames: []string{"www.moelove.info", "moelove.info"}, Duration: 720 * time.Hour}) {
		fields = append(fields, e.Field)
	}
	if got := strings.Join(fields, " "); got != "privateKey.algorithm dnsNames[1] duration" {
		t.Errorf("the walkthrough's role objects to %s", got)
	}
}

// Where Check objects, Vault refuses, and where it does not, Vault signs.
func TestRealVaultAgreesWithRejections(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	for i, change := range []map[string]any{
		{}, {"allow_bare_domains": true}, {"allow_subdomains": false}, {"allow_wildcard_certificates": false},
		{"allow_glob_domains": true, "allowed_domains": "*.example.com,web-*"}, {"allow_any_name": true}, {"allow_localhost": false},
		{"allowed_domains": "Example.com"}, {"allow_bare_domains": true, "allow_subdomains": false},
	} {
		role := map[string]any{"allowed_domains": "example.com", "allow_subdomains": true, "key_type": "any", "require_cn": false}
		maps.Copy(role, change)
		v.write("pki/roles/probe", role)
		s := open(t, v.config("pki/sign/probe"))
		status, err := s.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{
			"example.com", "www.example.com", "a.b.example.com", "*.example.com", "*.a.example.com", "example.org", "badexample.com",
			"localhost", "a.localhost", "*.localhost", "web-1", "*.web-1", "localdomain", "com", "*.com",
		} {
			spec := certs.Spec{DNSNames: []string{name}, Duration: time.Hour}
			request, _ := newRequest(t, spec)
			_, err := s.Issue(t.Context(), request)
			if objections := status.Rejections(spec); (len(objections) > 0) != (err != nil) {
				t.Errorf("role %d %v, %s: Check says %v, Vault says %v", i, change, name, objections, err)
			}
		}
	}
}
