// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

func TestTokenAuth(t *testing.T) {
	f := newVault(t)
	f.AddToken("hvs.good")
	request, _ := newRequest(t, spec)
	for _, row := range []struct {
		name, token string
		lookup      http.HandlerFunc
		kind        Kind
	}{
		{"good", " hvs.good\n", nil, ""},
		{"bad", "hvs.bad", nil, Setup},
		{"may not look itself up", "hvs.good", vaulttest.ErrorHandler(403, "1 error occurred:\n\t* permission denied\n\n"), ""},
	} {
		f.SetHandler("auth/token/lookup-self", row.lookup)
		c := configOf(f)
		c.Auth = TokenAuth{Token: NewSecret(row.token)}
		s := open(t, c)
		_, err := s.Issue(t.Context(), request)
		if kindOfError(t, err) != row.kind {
			t.Errorf("%s: %v", row.name, err)
		}
		s.Close()
	}
	if n := f.Calls("pki/sign/web"); n != 2 {
		t.Errorf("%d calls to sign: a bad token was used", n)
	}
	if n := f.Calls("auth/token/revoke-self"); n != 0 {
		t.Error("a token that was given was revoked")
	}
}

func TestLogins(t *testing.T) {
	jwt := func(context.Context) (string, error) { return "eyJ.a.b\n", nil }
	for _, row := range []struct {
		auth Auth
		path string
		body map[string]any
	}{
		{AppRoleAuth{RoleID: "r", SecretID: NewSecret("s")}, "auth/approle/login", map[string]any{"role_id": "r", "secret_id": "s"}},
		{AppRoleAuth{Path: "team/approle", RoleID: "r", SecretID: NewSecret("s")}, "auth/team/approle/login", map[string]any{"role_id": "r", "secret_id": "s"}},
		{KubernetesAuth{Role: "r", JWT: jwt}, "auth/kubernetes/login", map[string]any{"role": "r", "jwt": "eyJ.a.b"}},
		{KubernetesAuth{MountPath: "/v1/auth/k8s/", Role: "r", JWT: jwt}, "auth/k8s/login", map[string]any{"role": "r", "jwt": "eyJ.a.b"}},
		{KubernetesAuth{MountPath: "auth/k8s", Role: "r", JWT: jwt}, "auth/k8s/login", map[string]any{"role": "r", "jwt": "eyJ.a.b"}},
		{JWTAuth{Role: "r", JWT: jwt}, "auth/jwt/login", map[string]any{"role": "r", "jwt": "eyJ.a.b"}},
	} {
		f := newVault(t)
		var got map[string]any
		f.SetHandler(row.path, func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewDecoder(r.Body).Decode(&got)
			f.LogIn(w)
		})
		c := configOf(f)
		c.Auth = row.auth
		if _, err := open(t, c).tokens.current(t.Context()); err != nil {
			t.Errorf("%T: %v", row.auth, err)
		}
		if diff := cmp.Diff(row.body, got); diff != "" {
			t.Errorf("%T at %s (-want +got):\n%s", row.auth, row.path, diff)
		}
	}
}

func TestJWTErrors(t *testing.T) {
	f := newVault(t)
	lost := errors.New("API server is away")
	for _, row := range []struct {
		err  error
		kind Kind
	}{
		{lost, Transient},
		{fmt.Errorf("read: %w", &Error{Op: "login", Kind: Setup, Message: "no Secret"}), Setup},
	} {
		c := configOf(f)
		c.Auth = KubernetesAuth{Role: "r", JWT: func(context.Context) (string, error) { return "", row.err }}
		_, err := open(t, c).tokens.current(t.Context())
		if kindOfError(t, err) != row.kind {
			t.Errorf("%v: %v", row.err, err)
		}
		if row.err == lost && !errors.Is(err, lost) {
			t.Errorf("%v is not %v", err, lost)
		}
	}
}
