// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/test/servers"
)

// ahead is the real time and what a test adds to it.
type ahead struct{ clock }

func (a *ahead) now() time.Time { return time.Now().Add(time.Duration(a.passed.Load())) }

// appRole makes an AppRole whose tokens have the policies, and gives the login.
func (v *realVault) appRole(name, policies string) Auth {
	v.t.Helper()
	v.write("auth/approle/role/"+name, map[string]any{"token_policies": policies, "token_ttl": "24h"})
	return AppRoleAuth{
		RoleID:   text(v.read("auth/approle/role/" + name + "/role-id").Data["role_id"]),
		SecretID: NewSecret(text(v.write("auth/approle/role/"+name+"/secret-id", nil).Data["secret_id"])),
	}
}

func (v *realVault) policy(name, rules string) {
	v.t.Helper()
	if err := v.Client().Sys().PutPolicyWithContext(v.t.Context(), name, rules); err != nil {
		v.t.Fatal(err)
	}
}

// dialects are the real Vault, and the same one behind proxies that respond as other versions do.
func (v *realVault) dialects() map[string]string {
	all := map[string]string{"real": v.Address}
	for name, dialect := range map[string]vaulttest.Dialect{"1.9": vaulttest.Vault19, "1.15": vaulttest.Vault115, "OpenBao": vaulttest.OpenBao} {
		proxy := vaulttest.Proxy(v.Address, dialect)
		v.t.Cleanup(proxy.Close)
		all[name] = proxy.URL
	}
	return all
}

func startWithAppRole(t *testing.T) *realVault {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	if err := v.Client().Sys().EnableAuthWithOptionsWithContext(t.Context(), "approle", &api.EnableAuthOptions{Type: "approle"}); err != nil {
		t.Fatal(err)
	}
	v.policy("empty", `path "sys/none" { capabilities = ["read"] }`)
	v.policy("web", `path "pki/sign/any" { capabilities = ["update"] }`)
	return v
}

// TestRealVaultPolicyAdded: a policy is put on the auth role, or on it in another's place, and reaches tokens made after.
func TestRealVaultPolicyAdded(t *testing.T) {
	v := startWithAppRole(t)
	for name, address := range v.dialects() {
		t.Run(name, func(t *testing.T) {
			auth, at := v.appRole("late", "empty"), &ahead{}
			c := v.config("pki/sign/any")
			c.Server, c.Auth, c.Now = address, auth, at.now
			byCheck, bySign := open(t, c), open(t, c)
			request, _ := newRequest(t, spec)
			for range 2 {
				if _, err := byCheck.Check(t.Context()); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "pki/sign/any") {
					t.Errorf("before: %v", err)
				}
				if _, err := bySign.Issue(t.Context(), request); kindOfError(t, err) != Setup {
					t.Errorf("before: %v", err)
				}
			}
			v.write("auth/approle/role/late", map[string]any{"token_policies": "empty,web"})
			at.step(time.Minute)
			status, err := byCheck.Check(t.Context())
			if err != nil {
				t.Errorf("after: %v", err)
			}
			if _, err := bySign.Issue(t.Context(), request); err != nil {
				t.Errorf("after: %v", err)
			}
			if name != "real" && strings.HasPrefix(status.Version, "1.21") {
				t.Errorf("the proxy is %s", status.Version)
			}
		})
	}
}

// TestRealVaultTokenRevoked: the token dies behind the session's back, and Vault says so in its words or in those of a policy.
func TestRealVaultTokenRevoked(t *testing.T) {
	v := startWithAppRole(t)
	for name, address := range v.dialects() {
		t.Run(name, func(t *testing.T) {
			at, logins := &ahead{}, 0
			c := v.config("pki/sign/any")
			c.Server, c.Auth, c.Now = address, v.appRole("web", "web"), at.now
			c.Observe = func(op string, _ int, _ time.Duration, _ error) {
				if op == opLogin {
					logins++
				}
			}
			byCheck, bySign := open(t, c), open(t, c)
			request, _ := newRequest(t, spec)
			for i, s := range []*Session{byCheck, bySign} {
				if _, err := s.Check(t.Context()); err != nil {
					t.Fatal(err)
				}
				l, err := s.tokens.current(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				v.write("auth/token/revoke", map[string]any{"token": l.client.Token()})
				at.step(time.Minute)
				if i == 0 {
					_, err = s.Check(t.Context())
				} else {
					_, err = s.Issue(t.Context(), request)
				}
				if err != nil || logins != 2*(i+1) {
					t.Errorf("%d logins, %v", logins, err)
				}
			}
		})
	}
}

// TestRealVaultLeases: certificates of a role with generate_lease live on when their session is closed, as they do not when
// their token is revoked.
func TestRealVaultLeases(t *testing.T) {
	v := startWithAppRole(t)
	v.write("pki/roles/leased", map[string]any{"allow_any_name": true, "key_type": "any", "max_ttl": "72h", "require_cn": false, "generate_lease": true})
	v.policy("leased", `path "pki/sign/leased" { capabilities = ["update"] } path "pki/roles/leased" { capabilities = ["read"] }`)
	v.policy("blind", `path "pki/sign/leased" { capabilities = ["update"] }`)
	revocations := 0
	for _, policy := range []string{"leased", "blind"} {
		c := v.config("pki/sign/leased")
		c.Auth = v.appRole("leased", policy)
		s := open(t, c)
		var issued []Response
		for range 3 {
			request, _ := newRequest(t, spec)
			response, err := s.Issue(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			issued = append(issued, response)
		}
		status, err := s.Check(t.Context())
		if err != nil || !status.GeneratesLeases {
			t.Errorf("%s: %+v, %v", policy, status, err)
		}
		l, err := s.tokens.current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		n := v.revoked(issued)
		revocations += n
		if n != 0 {
			t.Errorf("%s: %d were revoked", policy, n)
		}
		v.write("auth/token/revoke", map[string]any{"token": l.client.Token()})
		for deadline := time.Now().Add(10 * time.Second); v.revoked(issued) < 3 && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
		}
		if n := v.revoked(issued); n != 3 {
			t.Errorf("%s: %d were revoked with the token: the test shows nothing", policy, n)
		}
	}
	t.Logf("measure: generate_lease revocations=%d", revocations)
	c := v.config("pki/sign/any")
	c.Auth = v.appRole("web", "web")
	s := open(t, c)
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	l, _ := s.tokens.current(t.Context())
	s.Close()
	if _, err := v.Client().Auth().Token().LookupWithContext(t.Context(), l.client.Token()); err == nil {
		t.Error("a token without leases is left")
	}
}

// revoked counts those on the CRL.
func (v *realVault) revoked(issued []Response) int {
	v.t.Helper()
	crl, err := open(v.t, v.config("pki/sign/any")).CRL(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	n := 0
	for _, one := range issued {
		if certs.RevokedBy(crl, one.Bundle.Leaf) {
			n++
		}
	}
	return n
}

// TestRealVaultRoleWishes: what a role states of its certificates is read, and heeded.
func TestRealVaultRoleWishes(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	end := time.Now().Add(50 * time.Hour).UTC().Truncate(time.Second)
	v.write("pki/roles/wishes", map[string]any{"allow_any_name": true, "key_type": "any", "require_cn": false, "not_before_duration": "10s",
		"not_after": end.Format(time.RFC3339), "cn_validations": "disabled", "use_csr_sans": false, "allowed_uri_sans": "spiffe://*"})
	s := open(t, v.config("pki/sign/wishes"))
	status, err := s.Check(t.Context())
	if err != nil || status.Role.NotBeforeDuration != 10*time.Second || status.Role.NotAfter != end.Format(time.RFC3339) ||
		strings.Join(status.Role.CNValidations, ",") != "disabled" || status.GeneratesLeases {
		t.Fatalf("%+v, %v", status.Role, err)
	}
	odd := certs.Spec{CommonName: "Shop of Example", DNSNames: []string{"www.example.com"}, URIs: []string{"spiffe://example.org/a,b"}, Duration: time.Hour}
	if objections := status.Rejections(odd); len(objections) > 0 {
		t.Errorf("objects to %v", objections)
	}
	request, _ := newRequest(t, odd)
	response, err := s.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	leaf := response.Bundle.Leaf
	if !leaf.NotAfter.Equal(end) || len(leaf.URIs) != 1 || leaf.URIs[0].String() != "spiffe://example.org/a,b" {
		t.Errorf("ends %s, %v", leaf.NotAfter, leaf.URIs)
	}
	for validations, refused := range map[string]bool{"disabled": false, "hostname": true, "email": true} {
		v.write("pki/roles/wishes", map[string]any{"allow_any_name": true, "key_type": "any", "require_cn": false, "cn_validations": validations})
		if status, err = s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		mail := certs.Spec{CommonName: "Shop of Example", DNSNames: []string{"www.example.com"}, Duration: time.Hour}
		request, _ := newRequest(t, mail)
		_, err := s.Issue(t.Context(), request)
		if (err != nil) != refused || (len(status.Rejections(mail)) > 0) != refused {
			t.Errorf("%s: Vault says %v, we object to %v", validations, err, status.Rejections(mail))
		}
	}
	verbatim := open(t, v.config("pki/sign-verbatim"))
	if status, err = verbatim.Check(t.Context()); err != nil || status.Role != nil || len(status.Notes) > 0 {
		t.Errorf("%+v, %v", status, err)
	}
	if _, err := verbatim.Issue(t.Context(), request); err != nil {
		t.Error(err)
	}
}
