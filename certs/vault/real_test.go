// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/test/servers"
)

// realVault is a real Vault with PKI mounts: pki (root), int (intermediate of it), short (root of an hour), empty.
type realVault struct {
	*servers.Vault
	t testing.TB
}

func startVault(t testing.TB, options servers.VaultOptions) *realVault {
	servers.Need(t)
	v, err := servers.StartVault(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Stop)
	return &realVault{v, t}
}

func (v *realVault) write(path string, data map[string]any) *api.Secret {
	v.t.Helper()
	secret, err := v.Client().Logical().WriteWithContext(v.t.Context(), path, data)
	if err != nil {
		v.t.Fatal(err)
	}
	return secret
}

func (v *realVault) mounts() {
	for mount, ttl := range map[string]time.Duration{"pki": 10000 * time.Hour, "short": time.Hour} {
		if _, err := v.SetUpPKI(v.t.Context(), servers.PKIOptions{Mount: mount, CommonName: mount + " root", TTL: ttl}); err != nil {
			v.t.Fatal(err)
		}
	}
	for _, mount := range []string{"int", "empty"} {
		if err := v.Client().Sys().MountWithContext(v.t.Context(), mount, &api.MountInput{
			Type: "pki", Config: api.MountConfigInput{MaxLeaseTTL: "9000h"},
		}); err != nil {
			v.t.Fatal(err)
		}
	}
	request := v.write("int/intermediate/generate/internal", map[string]any{"common_name": "int", "key_type": "ec"})
	signed := v.write("pki/root/sign-intermediate", map[string]any{"csr": request.Data["csr"], "ttl": "9000h", "common_name": "int"})
	v.write("int/intermediate/set-signed", map[string]any{"certificate": text(signed.Data["certificate"]) + "\n" + text(signed.Data["issuing_ca"])})
	for _, mount := range []string{"pki", "int", "short", "empty"} {
		v.roles(mount)
	}
}

// roles are those of the walkthrough and others that differ from any in one field each.
func (v *realVault) roles(mount string) {
	open := map[string]any{"allow_any_name": true, "key_type": "any", "max_ttl": "72h", "require_cn": false}
	for name, change := range map[string]map[string]any{
		"any": {}, "rsa": {"key_type": "rsa"}, "ec": {"key_type": "ec", "key_bits": 256}, "big": {"key_type": "rsa", "key_bits": 4096},
		"cn": {"require_cn": true}, "noip": {"allow_ip_sans": false}, "uris": {"allowed_uri_sans": "spiffe://*"},
		"unstored": {"no_store": true}, "nocsr": {"use_csr_common_name": false, "use_csr_sans": false},
	} {
		role := maps.Clone(open)
		maps.Copy(role, change)
		v.write(mount+"/roles/"+name, role)
	}
	v.write(mount+"/roles/moelove-dot-info", map[string]any{"allowed_domains": "moelove.info", "allow_subdomains": true, "max_ttl": "72h"})
}

func (v *realVault) config(path string) Config {
	return Config{Server: v.Address, Path: path, CABundle: v.CA, Now: time.Now, Auth: TokenAuth{NewSecret(v.Token)}}
}

func (v *realVault) limitedToken(policy string) Secret {
	if err := v.Client().Sys().PutPolicyWithContext(v.t.Context(), "limited", policy); err != nil {
		v.t.Fatal(err)
	}
	secret := v.write("auth/token/create", map[string]any{"policies": []string{"limited"}, "ttl": "1h"})
	return NewSecret(secret.Auth.ClientToken)
}

func TestRealVaultIssues(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	full := certs.Spec{
		CommonName: "cn.example.com", DNSNames: []string{"a.example.com", "*.b.example.com"}, IPAddresses: []string{"192.0.2.1", "2001:db8::1"},
		URIs: []string{"spiffe://a/b"}, EmailAddresses: []string{"ops@example.com"}, Duration: 2 * time.Hour,
		Usages: []certs.Usage{certs.ServerAuth, certs.ClientAuth, certs.DigitalSignature},
	}
	plain := certs.Spec{DNSNames: []string{"www.moelove.info"}, Duration: 2 * time.Hour}
	rsa := plain
	rsa.Key = certs.KeySpec{Algorithm: certs.RSA}
	long := plain
	long.Duration = 720 * time.Hour
	for _, row := range []struct {
		path          string
		spec          certs.Spec
		intermediates int
		warnings      int // of ours and Vault's
	}{
		{"pki/sign/uris", full, 0, 0},
		{"int/sign/uris", full, 1, 0},
		{"pki/sign/any", plain, 0, 0},
		{"pki/sign/cn", plain, 0, 0},
		{"pki/sign/nocsr", plain, 0, 0},
		{"pki/sign/any", rsa, 0, 0},
		{"pki/sign/moelove-dot-info", rsa, 0, 0},
		{"pki/issue/moelove-dot-info", plain, 0, 0},
		{"int/issue/ec", plain, 1, 0},
		{"pki/issue/rsa", rsa, 0, 0},
		{"pki/sign/any", long, 0, 2},
		{"pki/issuer/default/sign/any", plain, 0, 0},
		{"pki/sign-verbatim/any", plain, 0, 0},
	} {
		t.Run(strings.ReplaceAll(row.path, "/", "_"), func(t *testing.T) {
			s := open(t, v.config(row.path))
			request, key := newRequest(t, row.spec)
			if s.MakesKey() {
				key = certs.Key{}
			}
			answer, err := s.Issue(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			warnings, err := certs.CheckAnswer(answer.Bundle, row.spec, key.Public(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if all := append(warnings, answer.Warnings...); len(all) != row.warnings {
				t.Errorf("warnings %q", all)
			}
			if n := len(answer.Bundle.Intermediates); n != row.intermediates || len(answer.Bundle.CA) != 1 {
				t.Errorf("%d intermediates, %d CAs", n, len(answer.Bundle.CA))
			}
			status, err := s.Check(t.Context())
			if err != nil || status.Note != "" {
				t.Errorf("Check: %+v, %v", status, err)
			}
			rests(t, row.spec, answer, key, status)
		})
	}
}

// rests applies the answer as a caller does, and wants no further certificate.
func rests(t *testing.T, spec certs.Spec, answer Answer, key certs.Key, status Status) {
	t.Helper()
	if key.IsZero() {
		key = answer.Bundle.Key
	}
	d := certs.Decide(certs.Observed{
		SecretExists: true, CertPEM: answer.CertPEM, CAPEM: answer.CAPEM, KeyPEM: key.PEM(certs.PKCS1),
		IssuedDigest: spec.Digest(), IssuedAt: time.Now(), CurrentCA: status.CAs, Spec: spec, UID: "uid",
	}, time.Now())
	if d.Issue {
		t.Errorf("after a right answer: %s, %s", d.Reason, d.Message)
	}
}

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
		{"key too short", "pki/sign/big", rsa(www), Secret{}, User, "greater privateKey.size"},
		{"IP", "pki/sign/noip", ip, Secret{}, User, "allow_ip_sans"},
		{"URI", "pki/sign/any", uri, Secret{}, User, "allowed_uri_sans"},
		{"no common name", "pki/sign/cn", certs.Spec{IPAddresses: []string{"::1"}}, Secret{}, User, "set commonName"},
		{"after the CA", "short/sign/any", day, Secret{}, Setup, "would end after the CA"},
		{"any key to be made", "pki/issue/any", www, Secret{}, Setup, "use sign instead of issue"},
		{"no role", "pki/sign/nope", www, Secret{}, Setup, "unknown role: nope"},
		{"no mount", "nope/sign/any", www, Secret{}, Setup, "there is no mount at nope/sign/any"},
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
	t.Run("sealed", func(t *testing.T) {
		if err := v.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := open(t, v.config("pki/sign/any"))
		request, _ := newRequest(t, www)
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
	})
}

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
		{"may not read the role", "pki/sign/any", limited, "", "let its policy read pki/roles/any"},
		{"policy", "pki/sign/ec", limited, Setup, "does not allow pki/sign/ec"},
		{"no role", "pki/sign/nope", nil, Setup, "unknown role at pki/roles/nope"},
		{"no mount", "nope/sign/any", nil, Setup, "there is no mount"},
	} {
		c := v.config(row.path)
		if row.auth != nil {
			c.Auth = row.auth
		}
		status, err := open(t, c).Check(t.Context())
		said := status.Note
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
	for _, e := range status.Objections(certs.Spec{DNSNames: []string{"www.moelove.info", "moelove.info"}, Duration: 720 * time.Hour}) {
		fields = append(fields, e.Field)
	}
	if got := strings.Join(fields, " "); got != "privateKey.algorithm dnsNames[1] duration" {
		t.Errorf("the walkthrough's role objects to %s", got)
	}
}

// Where Check objects, Vault refuses, and where it does not, Vault signs.
func TestRealVaultAgreesWithObjections(t *testing.T) {
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
			if objections := status.Objections(spec); (len(objections) > 0) != (err != nil) {
				t.Errorf("role %d %v, %s: Check says %v, Vault says %v", i, change, name, objections, err)
			}
		}
	}
}

func TestRealVaultRevokes(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	for _, path := range []string{"pki/sign/any", "int/sign/any", "pki/sign/unstored"} {
		s := open(t, v.config(path))
		request, _ := newRequest(t, spec)
		answer, err := s.Issue(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		leaf := answer.Bundle.Leaf
		before, err := s.CRL(t.Context())
		if err != nil || certs.RevokedBy(before, leaf) {
			t.Errorf("%s: before: revoked %v, %v", path, certs.RevokedBy(before, leaf), err)
		}
		for range 2 {
			if err := s.Revoke(t.Context(), leaf); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		after, err := s.CRL(t.Context())
		if err != nil || !certs.RevokedBy(after, leaf) {
			t.Errorf("%s: after: revoked %v, %v", path, certs.RevokedBy(after, leaf), err)
		}
	}
	stranger := certstest.NewCA(t, "stranger", time.Now().Add(time.Hour))
	leaf := stranger.Sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "a"}, NotAfter: time.Now().Add(time.Hour)}, stranger.Key.Public())
	if err := open(t, v.config("pki/sign/any")).Revoke(t.Context(), leaf); kindOfError(t, err) != User {
		t.Errorf("a stranger's: %v", err)
	}
}

func TestRealVaultLogins(t *testing.T) {
	v := startVault(t, servers.VaultOptions{TLS: true})
	v.mounts()
	for _, kind := range []string{"approle", "cert", "kubernetes"} {
		if err := v.Client().Sys().EnableAuthWithOptionsWithContext(t.Context(), kind, &api.EnableAuthOptions{Type: kind}); err != nil {
			t.Fatal(err)
		}
	}
	policy := `path "pki/*" { capabilities = ["read", "update"] }`
	if err := v.Client().Sys().PutPolicyWithContext(t.Context(), "pki", policy); err != nil {
		t.Fatal(err)
	}
	v.write("auth/approle/role/web", map[string]any{"token_policies": "pki", "token_ttl": "2s", "token_max_ttl": "1h"})
	roleID := text(v.read("auth/approle/role/web/role-id").Data["role_id"])
	secretID := NewSecret(text(v.write("auth/approle/role/web/secret-id", nil).Data["secret_id"]))
	client := certstest.NewCA(t, "clients", time.Now().Add(time.Hour))
	_, key := newRequest(t, spec)
	leaf := client.Sign(t, &x509.Certificate{
		Subject:   pkix.Name{CommonName: "web"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key.Public())
	v.write("auth/cert/certs/web", map[string]any{"certificate": string(certstest.PEM(client.Cert)), "token_policies": "pki"})
	v.write("auth/kubernetes/config", map[string]any{"kubernetes_host": "https://127.0.0.1:1", "disable_local_ca_jwt": true, "kubernetes_ca_cert": string(v.CA)})
	v.write("auth/kubernetes/role/issuer", map[string]any{"bound_service_account_names": "issuer", "bound_service_account_namespaces": "default", "audience": "vault"})

	jwt := func(context.Context) (string, error) { return "eyJhbGciOi.eyJzdWIiOi.c2ln", nil }
	request, _ := newRequest(t, spec)
	for _, row := range []struct {
		name string
		auth Auth
		kind Kind
		want string
	}{
		{"AppRole", AppRoleAuth{RoleID: roleID, SecretID: secretID}, "", ""},
		{"AppRole, wrong secret id", AppRoleAuth{RoleID: roleID, SecretID: NewSecret("nope")}, Setup, "invalid role or secret ID"},
		{"AppRole, no such mount", AppRoleAuth{Path: "nope", RoleID: roleID, SecretID: secretID}, Setup, "Vault refused the login at auth/nope/login"},
		{"certificate", ClientCertAuth{Name: "web"}, "", ""},
		{"certificate, no such role", ClientCertAuth{Name: "nope"}, Setup, "vault login"},
		{"Kubernetes, no such role", KubernetesAuth{Role: "moelove-dot-info", JWT: jwt}, Setup, `invalid role name "moelove-dot-info": set the role`},
		{"Kubernetes, bad token", KubernetesAuth{Role: "issuer", JWT: jwt}, Setup, "vault login"},
	} {
		c := v.config("pki/sign/any")
		c.Auth = row.auth
		c.ClientCert, c.ClientKey = certstest.PEM(leaf), NewSecret(string(key.PEM("")))
		_, err := open(t, c).Issue(t.Context(), request)
		if kindOfError(t, err) != row.kind || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	t.Run("token life", func(t *testing.T) { v.tokenLife(t, AppRoleAuth{RoleID: roleID, SecretID: secretID}, request) })
}

// tokenLife lets a token of two seconds be renewed, and then revokes it behind the session's back.
func (v *realVault) tokenLife(t *testing.T, auth Auth, request Request) {
	var ops []string
	c := v.config("pki/sign/any")
	c.Auth = auth
	c.Observe = func(op string, _ int, _ time.Duration, err error) {
		if op == opLogin || op == opRenew {
			ops = append(ops, op)
		}
	}
	s := open(t, c)
	for range 3 {
		if _, err := s.Issue(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1400 * time.Millisecond)
	}
	l, err := s.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.write("auth/token/revoke", map[string]any{"token": l.client.Token()})
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Errorf("after the token was revoked: %v", err)
	}
	if got := strings.Join(ops, " "); got != "login renew renew renew login" {
		t.Errorf("%s", got)
	}
}

func (v *realVault) read(path string) *api.Secret {
	v.t.Helper()
	secret, err := v.Client().Logical().ReadWithContext(v.t.Context(), path)
	if err != nil || secret == nil {
		v.t.Fatal(path, err)
	}
	return secret
}
