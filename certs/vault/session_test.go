// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

func TestConnectionsOfAllCalls(t *testing.T) {
	f := newVault(t)
	c := configOf(f)
	c.MaxInFlight = 2
	s := open(t, c)
	var connections counter
	connections.watch(s)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if _, err := s.Check(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := connections.most.Load(); n > int64(c.MaxInFlight)+3 {
		t.Errorf("%d connections", n)
	}
}

func TestClose(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if n := f.Calls("auth/token/revoke-self"); n != 1 {
		t.Errorf("%d revocations of the token", n)
	}
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Errorf("after Close: %v", err)
	}
}

func TestObserve(t *testing.T) {
	f := newVault(t)
	f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(400, "unknown role: web"))
	var mu sync.Mutex
	var seen []string
	c := configOf(f)
	c.Observe = func(op string, status int, _ time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(op, " ", status, " ", kindOfError(t, err)))
	}
	request, _ := newRequest(t, spec)
	_, _ = open(t, c).Issue(t.Context(), request)
	if diff := cmp.Diff([]string{"login 200 ", "sign 400 Setup"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironmentIsIgnored(t *testing.T) {
	f := newVault(t)
	t.Setenv("VAULT_TOKEN", "of-someone-else")
	t.Setenv("VAULT_NAMESPACE", "elsewhere")
	t.Setenv("VAULT_HEADERS", `{"X-Other":"1"}`)
	t.Setenv("VAULT_WRAP_TTL", "5m")
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	request, _ := newRequest(t, spec)
	if _, err := open(t, configOf(f)).Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Vault-Namespace", "X-Other", "X-Vault-Wrap-Ttl"} {
		if got := f.Header().Get(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := f.Header().Get("X-Vault-Token"); got != "token-1" {
		t.Errorf("token %s", got)
	}
}

func TestNothingShowsSecrets(t *testing.T) {
	f := newVault(t)
	c := configOf(f)
	c.ClientKey = NewSecret("client-" + secretID)
	c.Auth = AppRoleAuth{RoleID: "role", SecretID: NewSecret(secretID)}
	s := open(t, configOf(f))
	if _, err := s.tokens.current(t.Context()); err != nil {
		t.Fatal(err)
	}
	echo := "no: hvs.CAESIJ0123456789abcdefghij eyJhbGciOi.eyJzdWIiOi.c2ln -----BEGIN RSA PRIVATE KEY-----\nMIIE"
	f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(400, echo))
	request, _ := newRequest(t, spec)
	_, err := s.Issue(t.Context(), request)
	type holder struct {
		config Config
		auth   Auth
	}
	var out bytes.Buffer
	for _, v := range []any{c, &c, c.Auth, s, struct{ Config }{c}, holder{c, c.Auth}, &holder{c, c.Auth}, TokenAuth{NewSecret(secretID)}, err} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("secret", "value", v)
		}
	}
	for _, secret := range []string{secretID, fmt.Sprintf("%x", secretID), "token-1", "hvs.", "eyJ", "MIIE"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s shows", secret)
		}
	}
}
