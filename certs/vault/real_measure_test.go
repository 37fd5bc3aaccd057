// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/servers"
)

// TestRealVaultOneLogin issues 500 certificates at once by one AppRole login.
func TestRealVaultOneLogin(t *testing.T) {
	v := startVault(t, servers.VaultOptions{TLS: true})
	v.mounts()
	if err := v.Client().Sys().EnableAuthWithOptionsWithContext(t.Context(), "approle", &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	if err := v.Client().Sys().PutPolicyWithContext(t.Context(), "pki", `path "pki/*" { capabilities = ["read", "update"] }`); err != nil {
		t.Fatal(err)
	}
	v.write("auth/approle/role/web", map[string]any{"token_policies": "pki", "token_ttl": "20m"})
	c := v.config("pki/sign/any")
	c.Auth = AppRoleAuth{
		RoleID:   text(v.read("auth/approle/role/web/role-id").Data["role_id"]),
		SecretID: NewSecret(text(v.write("auth/approle/role/web/secret-id", nil).Data["secret_id"])),
	}
	var logins, signs, failed atomic.Int64
	c.Observe = func(op string, _ int, _ time.Duration, err error) {
		switch {
		case err != nil:
			failed.Add(1)
		case op == opLogin:
			logins.Add(1)
		case op == opSign:
			signs.Add(1)
		}
	}
	s := open(t, c)
	var connections counter
	connections.watch(s)
	const n = 500
	var group sync.WaitGroup
	began := time.Now()
	for i := range n {
		group.Go(func() {
			request, key := newRequest(t, certs.Spec{DNSNames: []string{fmt.Sprintf("h%d.example.com", i)}, Duration: time.Hour})
			request.ID = request.Spec.DNSNames[0]
			response, err := issuePatiently(s, request)
			if err == nil {
				_, err = certs.CheckResponse(response.Bundle, request.Spec, key.Public(), time.Now())
			}
			if err != nil {
				t.Errorf("h%d: %v", i, err)
			}
		})
	}
	group.Wait()
	open := connections.most.Load()
	t.Logf("measure: vault_logins certificates=%d logins=%d signs=%d connections=%d seconds=%.1f", n, logins.Load(), signs.Load(), open, time.Since(began).Seconds())
	if logins.Load() != 1 || signs.Load() != n || failed.Load() != 0 || open > defaultMaxInFlight+3 {
		t.Errorf("%d logins, %d signatures, %d failures, %d connections", logins.Load(), signs.Load(), failed.Load(), open)
	}
}
