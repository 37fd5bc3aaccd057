// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/servers"
)

func TestRealVaultErrors(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	host := func(names ...string) certs.Spec { return certs.Spec{DNSNames: names, Duration: time.Hour / 2} }
	rsa := func(spec certs.Spec) certs.Spec { spec.Key.Algorithm = certs.RSA; return spec }
	www := host("www.moelove.info")
	ip, uri, day := www, www, www
	ip.IPAddresses, uri.URIs, day.Duration = []string{"::1"}, []string{"spiffe://a/b"}, 24*time.Hour
	limited := v.limitedToken(`path "pki/sign/rsa" { capabilities = ["update"] }`)
	for _, row := range []struct {
		name, path string
		spec       certs.Spec
		token      Secret
		kind       Kind
		want       string
	}{
		{"bare domain", "pki/sign/moelove-dot-info", rsa(host("moelove.info")), Secret{}, User, "common name moelove.info not allowed by this role: use names"},
		{"SAN", "pki/sign/moelove-dot-info", rsa(host("www.moelove.info", "evil.example.com")), Secret{}, User, "subject alternate name evil.example.com"},
		{"EC for rsa", "pki/sign/moelove-dot-info", www, Secret{}, User, "set privateKey.algorithm: RSA"},
		{"RSA for ec", "pki/sign/ec", rsa(www), Secret{}, User, "set privateKey.algorithm: ECDSA"},
		{"key too short", "pki/sign/big", rsa(www), Secret{}, User, "larger privateKey.size"},
		{"IP", "pki/sign/noip", ip, Secret{}, User, "allow_ip_sans"},
		{"URI", "pki/sign/any", uri, Secret{}, User, "allowed_uri_sans"},
		{"no common name", "pki/sign/cn", certs.Spec{IPAddresses: []string{"::1"}}, Secret{}, User, "set commonName"},
		{"after the CA", "short/sign/any", day, Secret{}, Setup, "would expire after the CA"},
		{"any key to be made", "pki/issue/any", www, Secret{}, Setup, "use sign instead of issue"},
		{"no role", "pki/sign/nope", www, Secret{}, Setup, "unknown role: nope"},
		{"no mount", "nope/sign/any", www, Secret{}, Setup, "no secrets engine is mounted at nope/sign/any"},
		{"no CA", "empty/sign/any", www, Secret{}, Setup, "the mount has no CA"},
		{"no issuer", "pki/issuer/nope/sign/any", www, Secret{}, Setup, "the mount has no such issuer"},
		{"policy", "pki/sign/any", www, limited, Setup, "permission denied at pki/sign/any"},
		{"role missing, limited token", "pki/sign/nope", www, limited, Setup, "permission denied at pki/sign/nope"},
		{"bad token", "pki/sign/any", www, NewSecret("hvs.nope"), Setup, "the token is unknown to Vault"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := v.config(row.path)
			if !row.token.IsZero() {
				c.Auth = TokenAuth{row.token}
			}
			request, _ := newRequest(t, row.spec)
			_, err := open(t, c).Issue(t.Context(), request)
			if kindOfError(t, err) != row.kind || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRealVaultSealed(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	if err := v.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := open(t, v.config("pki/sign/any"))
	request, _ := newRequest(t, spec)
	for _, do := range []func() error{
		func() error { _, err := s.Issue(t.Context(), request); return err },
		func() error { _, err := s.Check(t.Context()); return err },
	} {
		if err := do(); kindOfError(t, err) != Transient || !strings.Contains(err.Error(), "Vault is sealed") {
			t.Errorf("%v", err)
		}
	}
	if err := v.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Errorf("after unsealing: %v", err)
	}
}
