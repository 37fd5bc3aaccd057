// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

func TestBounds(t *testing.T) {
	with := func(audiences ...string) v1alpha1.VaultAuth {
		return v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "r", ServiceAccountRef: &v1alpha1.ServiceAccountReference{Name: "sa", Audiences: audiences}}}
	}
	for _, row := range []struct {
		name   string
		bounds *Bounds
		server string
		auth   v1alpha1.VaultAuth
		field  string // of the fault
	}{
		{"any server", &Bounds{}, "http://10.0.0.1:9180", byToken, ""},
		{"the server", &Bounds{Servers: []string{"https://vault.example.com:8200"}}, "https://vault.example.com:8200/", byToken, ""},
		{"another server", &Bounds{Servers: []string{"https://vault.example.com:8200"}}, "https://evil.example.com:8200", byToken, "server"},
		{"another port", &Bounds{Servers: []string{"https://vault.example.com:8200"}}, "https://vault.example.com:82001", byToken, "server"},
		{"another scheme", &Bounds{Servers: []string{"https://vault.example.com:8200"}}, "http://vault.example.com:8200", byToken, "server"},
		{"a star", &Bounds{Servers: []string{"x", "https://*.vault.svc:8200"}}, "https://a.vault.svc:8200", byToken, ""},
		{"a star is no slash", &Bounds{Servers: []string{"https://*.vault.svc:8200"}}, "https://evil/.vault.svc:8200", byToken, "server"},
		{"a star is no path", &Bounds{Servers: []string{"https://*.vault.svc:8200"}}, "https://a.vault.svc:8200/proxy", byToken, "server"},
		{"a dot is a dot", &Bounds{Servers: []string{"https://vault.example.com"}}, "https://vaultxexample.com", byToken, "server"},
		{"IPv6", &Bounds{Servers: []string{"https://[::1]:8200"}}, "https://[::1]:8200", byToken, ""},
		{"own audience", &Bounds{}, "https://vault", with("vault://ns/vault"), ""},
		{"the API server's audience", &Bounds{}, "https://vault", with("https://kubernetes.default.svc"), "auth.kubernetes.serviceAccountRef.audiences[0]"},
		{"another issuer's audience", &Bounds{}, "https://vault", with("vault://ns/vault", "vault://default/shop"), "auth.kubernetes.serviceAccountRef.audiences[1]"},
		{"allowed audience", &Bounds{Audiences: []string{"vault"}}, "https://vault", with("vault"), ""},
		{"no bounds", nil, "https://vault", with("https://kubernetes.default.svc"), ""},
	} {
		for _, foreign := range []bool{false, true} {
			var issuer v1alpha1.Issuer = newIssuer(row.auth, func(s *v1alpha1.VaultIssuerSpec) { s.Server = row.server })
			if foreign {
				issuer = &CertManagerIssuer{VaultIssuer: *issuer.(*v1alpha1.VaultIssuer), Kind: v1alpha1.KindIssuer, Type: "vault"}
			}
			s := newSessions(t, newSecret("ns", "token", "T"))
			s.Bounds = row.bounds
			_, err := s.Get(t.Context(), issuer)
			var bad certs.FieldError
			errors.As(err, &bad)
			if bad.Field != row.field || (err == nil) != (row.field == "") {
				t.Errorf("%s: %v", row.name, err)
			}
		}
	}
	operators := &v1alpha1.ClusterVaultIssuer{Spec: newIssuer(with("https://kubernetes.default.svc")).Spec}
	operators.Name = "vault"
	s := newSessions(t)
	s.Bounds = &Bounds{Servers: []string{"https://vault"}}
	if _, err := s.Get(t.Context(), operators); err != nil {
		t.Errorf("an issuer of the operators is bound: %v", err)
	}
}

func TestBoundsValidate(t *testing.T) {
	for _, bad := range []Bounds{{Servers: []string{""}}, {Servers: []string{"vault:8200"}}, {Servers: []string{"*"}}, {Audiences: []string{""}}} {
		if bad.Validate() == nil {
			t.Errorf("%+v", bad)
		}
	}
	good := &Bounds{Servers: []string{"https://*", "http://10.0.0.1:8200/vault"}, Audiences: []string{"*"}}
	if problems := good.Validate(); problems != nil {
		t.Error(problems)
	}
}

// TestShares: a namespace has a quarter of the workers, and what is given back can be taken again.
func TestShares(t *testing.T) {
	var s shares
	for range workers / 4 {
		if !s.take("shop") {
			t.Error("less than a quarter")
		}
	}
	if s.take("shop") || !s.take("web") {
		t.Error("more than a quarter, or others have to wait")
	}
	for range workers {
		if !s.take("") {
			t.Error("operators' issuers share")
		}
	}
	s.leave("shop")
	if !s.take("shop") {
		t.Error("a share was lost")
	}
}
