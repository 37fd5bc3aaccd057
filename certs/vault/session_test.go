// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs"
)

func TestIssue(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
	c.Namespace, c.UserAgent = "team", "tester/1"
	s := open(t, c)
	request, key := newRequest(t, spec)
	answer, err := s.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if warnings, err := certs.CheckAnswer(answer.Bundle, spec, key.Public(), now); err != nil || warnings != nil {
		t.Errorf("CheckAnswer: %v, %v", warnings, err)
	}
	if !bytes.Equal(answer.CertPEM, answer.Bundle.CertPEM()) || !bytes.Equal(answer.CAPEM, answer.Bundle.CAPEM()) {
		t.Error("the PEM is not the bundle's")
	}
	want := map[string]any{
		"csr": string(request.CSRPEM), "common_name": "www.example.com", "alt_names": "www.example.com",
		"ttl": "86400s", "format": "pem", "exclude_cn_from_sans": true,
	}
	if diff := cmp.Diff(want, f.bodies[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if f.headers.Get("X-Vault-Namespace") != "team" || f.headers.Get("User-Agent") != "tester/1" {
		t.Errorf("headers %v", f.headers)
	}
}

func TestIssueManyAtOnce(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
	c.MaxInFlight = 4
	s := open(t, c)
	var connections counter
	connections.watch(s)
	request, _ := newRequest(t, spec)
	if failed := issueMany(s, request, 500); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.called("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
	if n := connections.most.Load(); n > 4 {
		t.Errorf("%d connections", n)
	}
	if n := f.called("pki/sign/web"); n != 500 {
		t.Errorf("%d calls", n)
	}
}

func issueMany(s *Session, request Request, n int) int64 {
	var failed atomic.Int64
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			if _, err := s.Issue(context.Background(), request); err != nil {
				failed.Add(1)
			}
		})
	}
	wait.Wait()
	return failed.Load()
}

func TestForgottenTokenIsOneLogin(t *testing.T) {
	f := newFakeVault(t)
	s := open(t, f.config())
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	f.forget()
	if failed := issueMany(s, request, 100); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.called("auth/approle/login"); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

func TestDropKeepsANewerLogin(t *testing.T) {
	f := newFakeVault(t)
	s := open(t, f.config())
	old, err := s.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.drop(old)
	if _, err := s.current(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.drop(old)
	if _, err := s.current(t.Context()); err != nil || f.called("auth/approle/login") != 2 {
		t.Errorf("%d logins, %v", f.called("auth/approle/login"), err)
	}
}

func TestConnectionsOfAllCalls(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
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
	if n := connections.most.Load(); n > 2 {
		t.Errorf("%d connections", n)
	}
}

func TestTokenRefusedTwice(t *testing.T) {
	f := newFakeVault(t)
	f.answer("pki/sign/web", refusing(403, "permission denied", "invalid token"))
	s := open(t, f.config())
	request, _ := newRequest(t, spec)
	_, err := s.Issue(t.Context(), request)
	if kindOfError(t, err) != Setup || f.called("auth/approle/login") != 2 || f.called("pki/sign/web") != 2 {
		t.Errorf("%v after %d logins and %d calls", err, f.called("auth/approle/login"), f.called("pki/sign/web"))
	}
}

func TestPlainDenialIsNoLogin(t *testing.T) {
	f := newFakeVault(t)
	f.answer("pki/sign/web", refusing(403, "1 error occurred:\n\t* permission denied\n\n"))
	s := open(t, f.config())
	request, _ := newRequest(t, spec)
	for range 3 {
		_, err := s.Issue(t.Context(), request)
		if kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "permission denied at pki/sign/web: let the policy") {
			t.Errorf("%v", err)
		}
	}
	if n := f.called("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
}

func TestRefusedLoginAnswersForOthers(t *testing.T) {
	f := newFakeVault(t)
	f.answer("auth/approle/login", refusing(400, "invalid role or secret ID"))
	at := now
	c := f.config()
	c.Now = func() time.Time { return at }
	s := open(t, c)
	request, _ := newRequest(t, spec)
	if failed := issueMany(s, request, 100); failed != 100 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.called("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
	f.answer("auth/approle/login", nil)
	at = at.Add(refusedPause)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

// A login that fails for a while must not hold up the next try.
func TestTransientLoginIsTriedAgain(t *testing.T) {
	f := newFakeVault(t)
	f.answer("auth/approle/login", refusing(503, "Vault is sealed"))
	s := open(t, f.config())
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Errorf("%v", err)
	}
	f.answer("auth/approle/login", nil)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Error(err)
	}
}

func TestTokenLife(t *testing.T) {
	refusingRenewal := refusing(400, "lease is not renewable")
	sealed := refusing(503, "Vault is sealed")
	for _, row := range []struct {
		name     string
		after    time.Duration // of a lease of one hour
		renewal  http.HandlerFunc
		logins   int
		renewals int
	}{
		{"young", 39 * time.Minute, nil, 1, 0},
		{"two thirds over", 41 * time.Minute, nil, 1, 1},
		{"over", time.Hour, nil, 2, 0},
		{"renewal refused", 41 * time.Minute, refusingRenewal, 2, 1},
		{"Vault sealed", 41 * time.Minute, sealed, 1, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFakeVault(t)
			if row.renewal != nil {
				f.answer("auth/token/renew-self", row.renewal)
			}
			at := now
			c := f.config()
			c.Now = func() time.Time { return at }
			s := open(t, c)
			request, _ := newRequest(t, spec)
			for range 2 {
				if _, err := s.Issue(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				at = now.Add(row.after)
			}
			if n, m := f.called("auth/approle/login"), f.called("auth/token/renew-self"); n != row.logins || m != row.renewals {
				t.Errorf("%d logins and %d renewals, want %d and %d", n, m, row.logins, row.renewals)
			}
		})
	}
}

// A token near its max TTL gets less and less: then a login is better.
func TestTokenNearMaxTTL(t *testing.T) {
	f := newFakeVault(t)
	at := now
	c := f.config()
	c.Now = func() time.Time { return at }
	s := open(t, c)
	for _, step := range []struct {
		after  time.Duration
		lease  int
		logins int
	}{{0, 3600, 1}, {41 * time.Minute, 60, 1}, {time.Minute - time.Second, 3600, 2}} {
		at = at.Add(step.after)
		f.lease = step.lease
		if _, err := s.current(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := f.called("auth/approle/login"); n != step.logins {
			t.Errorf("after %s: %d logins, want %d", step.after, n, step.logins)
		}
	}
}

func TestTokenAuth(t *testing.T) {
	f := newFakeVault(t)
	f.tokens["hvs.good"] = true
	request, _ := newRequest(t, spec)
	for _, row := range []struct {
		name, token string
		lookup      http.HandlerFunc
		kind        Kind
	}{
		{"good", " hvs.good\n", nil, ""},
		{"bad", "hvs.bad", nil, Setup},
		{"may not look itself up", "hvs.good", refusing(403, "1 error occurred:\n\t* permission denied\n\n"), ""},
	} {
		f.answer("auth/token/lookup-self", row.lookup)
		c := f.config()
		c.Auth = TokenAuth{Token: NewSecret(row.token)}
		s := open(t, c)
		_, err := s.Issue(t.Context(), request)
		if kindOfError(t, err) != row.kind {
			t.Errorf("%s: %v", row.name, err)
		}
		s.Close()
	}
	if n := f.called("pki/sign/web"); n != 2 {
		t.Errorf("%d calls to sign: a bad token was used", n)
	}
	if n := f.called("auth/token/revoke-self"); n != 0 {
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
		f := newFakeVault(t)
		var got map[string]any
		f.answer(row.path, func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewDecoder(r.Body).Decode(&got)
			f.logIn(w)
		})
		c := f.config()
		c.Auth = row.auth
		if _, err := open(t, c).current(t.Context()); err != nil {
			t.Errorf("%T: %v", row.auth, err)
		}
		if diff := cmp.Diff(row.body, got); diff != "" {
			t.Errorf("%T at %s (-want +got):\n%s", row.auth, row.path, diff)
		}
	}
}

func TestJWTErrors(t *testing.T) {
	f := newFakeVault(t)
	lost := errors.New("API server is away")
	for _, row := range []struct {
		err  error
		kind Kind
	}{
		{lost, Transient},
		{fmt.Errorf("read: %w", &Error{Op: "login", Kind: Setup, Message: "no Secret"}), Setup},
	} {
		c := f.config()
		c.Auth = KubernetesAuth{Role: "r", JWT: func(context.Context) (string, error) { return "", row.err }}
		_, err := open(t, c).current(t.Context())
		if kindOfError(t, err) != row.kind {
			t.Errorf("%v: %v", row.err, err)
		}
		if row.err == lost && !errors.Is(err, lost) {
			t.Errorf("%v is not %v", err, lost)
		}
	}
}

func TestClose(t *testing.T) {
	f := newFakeVault(t)
	s := open(t, f.config())
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if n := f.called("auth/token/revoke-self"); n != 1 {
		t.Errorf("%d revocations of the token", n)
	}
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Errorf("after Close: %v", err)
	}
}

func TestIssueLimits(t *testing.T) {
	f := newFakeVault(t)
	release := make(chan struct{})
	f.answer("pki/sign/web", func(w http.ResponseWriter, r *http.Request) { <-release; f.sign(w, r) })
	c := f.config()
	c.MaxInFlight = 1
	s := open(t, c)
	request, _ := newRequest(t, spec)
	done := make(chan error)
	go func() { _, err := s.Issue(context.Background(), request); done <- err }()
	for f.called("pki/sign/web") == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Issue(ctx, request); kindOfError(t, err) != Transient || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("over the limit: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.called("pki/sign/web"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestIssueRate(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
	c.RatePerSecond = 100
	s := open(t, c)
	request, _ := newRequest(t, spec)
	start := time.Now()
	if failed := issueMany(s, request, 11); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("11 calls at 100/s took %s", took)
	}
}

func TestObserve(t *testing.T) {
	f := newFakeVault(t)
	f.answer("pki/sign/web", refusing(400, "unknown role: web"))
	var mu sync.Mutex
	var seen []string
	c := f.config()
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
	f := newFakeVault(t)
	t.Setenv("VAULT_TOKEN", "of-someone-else")
	t.Setenv("VAULT_NAMESPACE", "elsewhere")
	t.Setenv("VAULT_HEADERS", `{"X-Other":"1"}`)
	t.Setenv("VAULT_WRAP_TTL", "5m")
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	request, _ := newRequest(t, spec)
	if _, err := open(t, f.config()).Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Vault-Namespace", "X-Other", "X-Vault-Wrap-Ttl"} {
		if got := f.headers.Get(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := f.headers.Get("X-Vault-Token"); got != "token-1" {
		t.Errorf("token %s", got)
	}
}

func TestNothingShowsSecrets(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
	c.ClientKey = NewSecret("client-" + secretID)
	c.Auth = AppRoleAuth{RoleID: "role", SecretID: NewSecret(secretID)}
	s := open(t, f.config())
	if _, err := s.current(t.Context()); err != nil {
		t.Fatal(err)
	}
	echo := "no: hvs.CAESIJ0123456789abcdefghij eyJhbGciOi.eyJzdWIiOi.c2ln -----BEGIN RSA PRIVATE KEY-----\nMIIE"
	f.answer("pki/sign/web", refusing(400, echo))
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
