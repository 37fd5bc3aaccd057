// SPDX-License-Identifier: Apache-2.0

package vault

import (
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
			response, err := s.Issue(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			warnings, err := certs.CheckResponse(response.Bundle, row.spec, key.Public(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if all := append(warnings, response.Warnings...); len(all) != row.warnings {
				t.Errorf("warnings %q", all)
			}
			if n := len(response.Bundle.Intermediates); n != row.intermediates || len(response.Bundle.CA) != 1 {
				t.Errorf("%d intermediates, %d CAs", n, len(response.Bundle.CA))
			}
			status, err := s.Check(t.Context())
			if err != nil || len(status.Notes) > 0 {
				t.Errorf("Check: %+v, %v", status, err)
			}
			rests(t, row.spec, response, key, status)
		})
	}
}

// rests stores the response as a caller does, and expects that no further certificate is due.
func rests(t *testing.T, spec certs.Spec, response Response, key certs.Key, status Status) {
	t.Helper()
	if key.IsZero() {
		key = response.Bundle.Key
	}
	d := certs.Decide(certs.Observed{
		SecretExists: true, CertPEM: response.CertPEM, CAPEM: response.CAPEM, KeyPEM: key.PEM(certs.PKCS1),
		IssuedDigest: spec.Digest(), IssuedAt: time.Now(), CurrentCA: status.CAs, Spec: spec, UID: "uid",
	}, time.Now())
	if d.Issue {
		t.Errorf("after a right answer: %s, %s", d.Reason, d.Message)
	}
}

func TestRealVaultRevokes(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	for _, path := range []string{"pki/sign/any", "int/sign/any", "pki/sign/unstored"} {
		s := open(t, v.config(path))
		request, _ := newRequest(t, spec)
		response, err := s.Issue(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		leaf := response.Bundle.Leaf
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

func BenchmarkRealVaultIssue(b *testing.B) {
	v := startVault(b, servers.VaultOptions{})
	v.mounts()
	s := open(b, v.config("pki/sign/any"))
	request, _ := newRequest(b, spec)
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := issuePatiently(s, request); err != nil {
				b.Error(err)
			}
		}
	})
}
