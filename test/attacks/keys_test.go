// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestGatewayEnvironment: what a tenant writes as a token is never a reference to the environment or the secrets of the
// gateway, which would send it to the tenant's server.
func TestGatewayEnvironment(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{
		"the environment":             "$env://APISIX_ADMIN_KEY",
		"the environment in capitals": "$ENV://APISIX_ADMIN_KEY",
		"the environment, indented":   "\n  $env://APISIX_ADMIN_KEY\n",
		"a secret of the gateway":     "$secret://vault/1/path/key",
	} {
		run(t, newScene, row{name + " as the gateway's token", func(s *scene) {
			s.ownVault(s.evil, token)
			s.makes(s.evil, inKV(edited(s.evil.cert("env", "env."+s.evil.domain), byOwnVault)))
			s.checkedAgain(s.evil, "env")
			s.noReference(token)
		}, tokenInSecret})
	}
	run(t, newScene, row{"the environment as the gateway's token, by annotations of an Ingress", func(s *scene) {
		const token = "$env://APISIX_ADMIN_KEY"
		s.ownVault(s.evil, token)
		s.makes(s.evil, cluster.NewIngress(s.evil.ns, "env", "env-tls", map[string]string{
			v1alpha1.AnnotationIssuer: "own", v1alpha1.AnnotationKeyStorage: "VaultKV", v1alpha1.AnnotationVaultKVTokenSecret: "gateway-token",
		}, "env."+s.evil.domain))
		s.checkedAgain(s.evil, "env-tls")
		s.noReference(token)
	}, tokenInEnvironment})
}

// ownVault gives a tenant a VaultIssuer "own" - the tests' Vault plays its own - and a token for the gateway.
func (s *scene) ownVault(tn *tenant, token string) {
	s.Helper()
	s.makes(tn, tn.opaque("vault-token", map[string]string{"token": s.token}), s.issuer(tn, "own", s.vault.URL),
		tn.opaque("gateway-token", map[string]string{"token": token}))
}

func byOwnVault(spec *v1alpha1.ApisixCertificateSpec) {
	spec.IssuerRef = v1alpha1.IssuerReference{Name: "own"}
}

// inKV lets a certificate's key be kept in Vault, from where the gateway reads it.
func inKV(cert *v1alpha1.ApisixCertificate) *v1alpha1.ApisixCertificate {
	cert.Spec.KeyStorage = v1alpha1.KeyInVaultKV
	cert.Spec.VaultKV = &v1alpha1.VaultKV{TokenSecretRef: v1alpha1.SecretKeySelector{Name: "gateway-token"}}
	return cert
}

// noReference fails where a secret object of the gateway has a reference for a token.
func (s *scene) noReference(token string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.Gateway.AdminURL+"/apisix/admin/secrets", nil)
	s.must(err)
	request.Header.Set("X-API-KEY", s.Gateway.AdminKey)
	answer, err := http.DefaultClient.Do(request)
	s.must(err)
	defer answer.Body.Close()
	var all struct {
		List []struct {
			Value struct{ ID, URI, Token string }
		}
	}
	s.must(json.NewDecoder(answer.Body).Decode(&all))
	for _, object := range all.List {
		if strings.EqualFold(object.Value.Token, strings.TrimSpace(token)) {
			s.Errorf("secret object %s of the gateway sends %s to %s, which the tenant chose", object.Value.ID, object.Value.Token, object.Value.URI)
			return
		}
	}
}

// tokenInSecret: a token that is one is used.
func tokenInSecret(s *scene) {
	s.ownVault(s.victim, s.gatewayToken())
	s.makes(s.victim, inKV(edited(s.victim.cert("kv", "kv."+s.victim.domain), byOwnVault)))
	s.servedKeyless("kv")
}

// tokenInEnvironment: with an issuer of the cluster the gateway's own environment has the token.
func tokenInEnvironment(s *scene) {
	s.makes(s.victim, s.victim.opaque("gateway-token", map[string]string{"token": "$env://VAULT_TOKEN"}),
		inKV(s.victim.cert("kv", "kv."+s.victim.domain)))
	s.servedKeyless("kv")
}

func (s *scene) servedKeyless(name string) {
	s.Helper()
	s.until(name+" served from Vault", func() string {
		if _, err := s.Served(s.Context(), name+"."+s.victim.domain); err != nil {
			return fmt.Sprintf("%v: %s", err, s.reason(s.victim, name, v1alpha1.ConditionReady))
		}
		return ""
	})
}

// gatewayToken makes a Vault token that may read keys.
func (s *scene) gatewayToken() string {
	s.Helper()
	answer, err := s.Vault.Client().Logical().WriteWithContext(s.Context(), "auth/token/create", map[string]any{"policies": []string{"attacks-gateway"}, "period": "24h"})
	s.must(err)
	return answer.Auth.ClientToken
}

// TestIssuerAsDeputy: a VaultIssuer sends no Secret of another namespace to its server.
func TestIssuerAsDeputy(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{
		"a token that the controller's namespace has":      "shared-token",
		"a token that the victim's namespace has":          "vault-token",
		"a token of the victim's namespace, with its name": "$victim/vault-token",
	} {
		run(t, newScene, row{name, func(s *scene) {
			s.makes(s.victim, s.victim.opaque("vault-token", map[string]string{"token": s.token}))
			server, heard := listen(s.T)
			issuer := s.issuer(s.evil, "deputy", server)
			issuer.Spec.Auth.TokenSecretRef.Name = strings.Replace(secret, "$victim", s.victim.ns, 1)
			if err := s.evil.Create(s.Context(), issuer); err != nil {
				s.Logf("the API server refuses it: %v", err)
				return
			}
			s.makes(s.evil, edited(s.evil.cert("deputy", "deputy."+s.evil.domain), func(spec *v1alpha1.ApisixCertificateSpec) {
				spec.IssuerRef = v1alpha1.IssuerReference{Name: "deputy"}
			}))
			s.checkedAgain(s.evil, "deputy")
			if slices.Contains(heard(), s.token) {
				s.Errorf("the tenant's server heard a token that its namespace does not have")
			}
		}, func(s *scene) {
			server, heard := listen(s.T)
			s.makes(s.victim, s.issuer(s.victim, "own", server), edited(s.victim.cert("own", "own."+s.victim.domain), byOwnVault))
			s.until("the own token at the own server", func() string { return unless(slices.Contains(heard(), s.token), "not heard") })
		}})
	}
}

// listen starts a server that hears Vault tokens, is healthy and refuses the rest.
func listen(t *testing.T) (url string, heard func() []string) {
	t.Helper()
	var mu sync.Mutex
	var tokens []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		tokens = append(tokens, r.Header.Get("X-Vault-Token"))
		mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/sys/health") {
			_, _ = w.Write([]byte(`{"initialized":true,"sealed":false,"standby":false,"version":"1.21.4"}`))
			return
		}
		http.Error(w, `{"errors":["permission denied"]}`, http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(tokens)
	}
}
