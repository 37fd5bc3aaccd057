// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/test/servers"
)

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
	c.Observe = func(op string, _ int, _ time.Duration, _ error) {
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
	l, err := s.tokens.current(t.Context())
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
