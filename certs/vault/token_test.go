// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

func TestForgottenTokenIsOneLogin(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	f.Forget()
	if failed := issueMany(s, request, 100); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.Calls("auth/approle/login"); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

// TestExpiredTokenReported: Vault since 1.16 says that it does not know a token. One that has worked is worth another
// login at any time, as where its number of uses is over; one that never has is not.
func TestExpiredTokenReported(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	for i := range 3 {
		if _, err := s.Issue(t.Context(), request); err != nil || f.Tokens() != i+1 {
			t.Errorf("%d logins, %v", f.Tokens(), err)
		}
		f.Forget()
	}
	f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(403, "permission denied", "invalid token"))
	s = open(t, configOf(f))
	logins, calls := f.Tokens(), f.Calls("pki/sign/web")
	for range 3 {
		if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "unknown to Vault") {
			t.Errorf("%v", err)
		}
	}
	if f.Tokens()-logins != 1 || f.Calls("pki/sign/web")-calls != 3 {
		t.Errorf("%d logins and %d calls", f.Tokens()-logins, f.Calls("pki/sign/web")-calls)
	}
}

// TestLoginsWhileRefused: a refusal is worth one more login a minute, and no more, whatever is refused and by which Vault.
func TestLoginsWhileRefused(t *testing.T) {
	const minutes = 10
	all, most := 0, 0
	for _, dialect := range []vaulttest.Dialect{vaulttest.Vault121, vaulttest.Vault115, vaulttest.Vault19, vaulttest.OpenBao} {
		for name, refuse := range map[string]func(*vaulttest.Vault){
			"policy missing":     func(f *vaulttest.Vault) { f.AllowNewTokens(false) },
			"policy of the path": func(f *vaulttest.Vault) { f.Deny("pki/sign/web") },
			"no policy default": func(f *vaulttest.Vault) {
				f.AllowNewTokens(false)
				f.Deny("sys/capabilities-self", "auth/token/lookup-self")
			},
			"tokens die at once": func(f *vaulttest.Vault) {
				f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(403, "permission denied", "invalid token"))
			},
			"firewall": func(f *vaulttest.Vault) { f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(403)) },
		} {
			f, at := vaulttest.StartDialect(func() time.Time { return now }, dialect), &clock{}
			t.Cleanup(f.Close)
			refuse(f)
			c := configOf(f)
			c.Now = at.now
			s := open(t, c)
			request, _ := newRequest(t, spec)
			refused := 0
			for range minutes * 60 / 5 {
				if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Setup {
					t.Fatalf("%s: %v", name, err)
				}
				refused++
				if at.passed.Load()%int64(time.Minute) == 0 {
					if _, err := s.Check(t.Context()); kindOfError(t, err) != Setup {
						t.Errorf("%s, %s: the issuer is Ready: %v", dialect, name, err)
					}
				}
				at.step(5 * time.Second)
			}
			extra := f.Tokens() - 1
			t.Logf("logins vault=%s cause=%q minutes=%d refused=%d extra_logins=%d", dialect, name, minutes, refused, extra)
			all, most = all+refused, max(most, extra)
			if extra > minutes {
				t.Errorf("%s, %s: %d more logins", dialect, name, extra)
			}
		}
	}
	t.Logf("measure: logins minutes=%d refused=%d extra_logins=%d", minutes, all, most)
}

// TestPolicyAdded: a policy that is put on the role of the auth method reaches new tokens alone. It is followed within two
// minutes, by the check as by the requests.
func TestPolicyAdded(t *testing.T) {
	for _, dialect := range []vaulttest.Dialect{vaulttest.Vault121, vaulttest.OpenBao} {
		f, at := vaulttest.StartDialect(func() time.Time { return now }, dialect), &clock{}
		t.Cleanup(f.Close)
		f.AllowNewTokens(false)
		c := configOf(f)
		c.Now = at.now
		byCheck, bySign := open(t, c), open(t, c)
		request, _ := newRequest(t, spec)
		if _, err := byCheck.Check(t.Context()); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "pki/sign/web") {
			t.Errorf("without the policy: %v", err)
		}
		if _, err := bySign.Issue(t.Context(), request); kindOfError(t, err) != Setup {
			t.Errorf("without the policy: %v", err)
		}
		f.AllowNewTokens(true)
		at.step(time.Minute)
		if _, err := byCheck.Check(t.Context()); err != nil {
			t.Errorf("a minute after: %v", err)
		}
		if _, err := bySign.Issue(t.Context(), request); err != nil {
			t.Errorf("a minute after: %v", err)
		}
		if _, err := bySign.Check(t.Context()); err != nil {
			t.Errorf("the refusal of the token before still counts: %v", err)
		}
	}
}

// TestExpiredTokenNotReported: a Vault that refuses a dead token as a policy does.
func TestExpiredTokenNotReported(t *testing.T) {
	for _, dialect := range []vaulttest.Dialect{vaulttest.Vault115, vaulttest.Vault19, vaulttest.OpenBao} {
		for _, denied := range [][]string{nil, {"pki/roles/web"}, {"pki/roles/web", "sys/capabilities-self"}} {
			f, at := vaulttest.StartDialect(func() time.Time { return now }, dialect), &clock{}
			t.Cleanup(f.Close)
			f.Deny(denied...)
			c := configOf(f)
			c.Now = at.now
			s := open(t, c)
			request, _ := newRequest(t, spec)
			if _, err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Issue(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			at.step(2 * time.Minute)
			f.Forget()
			if _, err := s.Check(t.Context()); err != nil {
				t.Errorf("%s, without %v: %v", dialect, denied, err)
			}
			if len(denied) < 2 && f.Tokens() != 2 {
				t.Errorf("%s, without %v: the check did not notice: %d logins", dialect, denied, f.Tokens())
			}
			if _, err := s.Issue(t.Context(), request); err != nil || f.Tokens() != 2 {
				t.Errorf("%s, without %v: %d logins, %v", dialect, denied, f.Tokens(), err)
			}
			for range 5 { // what the new token may not either is not worth more logins
				at.step(2 * time.Minute)
				if _, err := s.Check(t.Context()); err != nil || f.Tokens() != 2 {
					t.Errorf("%s, without %v: %d logins, %v", dialect, denied, f.Tokens(), err)
				}
			}
		}
	}
}

// TestConfiguredTokenExpires: an issuer whose token is dead is not Ready, for there is no other.
func TestConfiguredTokenExpires(t *testing.T) {
	for _, dialect := range []vaulttest.Dialect{vaulttest.Vault121, vaulttest.Vault115, vaulttest.Vault19, vaulttest.OpenBao} {
		f, at := vaulttest.StartDialect(func() time.Time { return now }, dialect), &clock{}
		t.Cleanup(f.Close)
		f.AddToken("hvs.given")
		c := configOf(f)
		c.Auth, c.Now = TokenAuth{NewSecret("hvs.given")}, at.now
		s := open(t, c)
		if _, err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.Forget()
		for range 3 {
			at.step(time.Minute)
			if _, err := s.Check(t.Context()); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "configure a valid token") {
				t.Errorf("%s: %v", dialect, err)
			}
		}
	}
}

// TestReadyMatchesSigning: where the token may ask nothing, a refused signature is what shows that it may not sign.
func TestReadyMatchesSigning(t *testing.T) {
	f, at := newVault(t), &clock{}
	f.Deny("sys/capabilities-self", "pki/roles/web", "pki/sign/web")
	c := configOf(f)
	c.Now = at.now
	s := open(t, c)
	request, _ := newRequest(t, spec)
	if _, err := s.Check(t.Context()); err != nil {
		t.Errorf("not asked yet: %v", err)
	}
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Setup {
		t.Fatal(err)
	}
	if _, err := s.Check(t.Context()); kindOfError(t, err) != Setup || !strings.Contains(err.Error(), "sign: permission denied at pki/sign/web") {
		t.Errorf("after a refused signature: %v", err)
	}
	f.Allow("pki/sign/web")
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(t.Context()); err != nil {
		t.Errorf("after a signature: %v", err)
	}
	f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(400, "common name x not allowed by this role"))
	_, _ = s.Issue(t.Context(), request)
	if _, err := s.Check(t.Context()); err != nil {
		t.Errorf("a request's own fault counts for the issuer: %v", err)
	}
}

// TestTokenWithLeases: closing a session does not revoke a token with which certificates end.
func TestTokenWithLeases(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(*vaulttest.Vault)
		after  func(*vaulttest.Vault)
		kept   bool
	}{
		{"no leases", func(*vaulttest.Vault) {}, nil, false},
		{"no leases, the role cannot be read", func(f *vaulttest.Vault) { f.Deny("pki/roles/web") }, nil, false},
		{"leases", func(f *vaulttest.Vault) { f.SetRole(map[string]any{"generate_lease": true}) }, nil, true},
		{"leases, the role cannot be read", func(f *vaulttest.Vault) {
			f.SetRole(map[string]any{"generate_lease": true})
			f.Deny("pki/roles/web")
		}, nil, true},
		{"leases until the role was changed", func(f *vaulttest.Vault) { f.SetRole(map[string]any{"generate_lease": true}) },
			func(f *vaulttest.Vault) { f.SetRole(map[string]any{"generate_lease": false}) }, true},
		{"a response was lost", func(f *vaulttest.Vault) {
			f.SetHandler("pki/sign/web", func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
		}, nil, true},
		{"refused", func(f *vaulttest.Vault) { f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(400, "no")) }, nil, false},
	} {
		f := newVault(t)
		row.before(f)
		s := open(t, configOf(f))
		request, _ := newRequest(t, spec)
		_, _ = s.Issue(t.Context(), request)
		if row.after != nil {
			row.after(f)
			if _, err := s.Issue(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		if kept := f.Calls("auth/token/revoke-self") == 0; kept != row.kept {
			t.Errorf("%s: the token is kept: %v", row.name, kept)
		}
		if n := f.Revoked(); n != 0 {
			t.Errorf("%s: %d certificates were revoked", row.name, n)
		}
	}
}

func TestLoginErrorIsShared(t *testing.T) {
	f := newVault(t)
	f.SetHandler("auth/approle/login", vaulttest.ErrorHandler(400, "invalid role or secret ID"))
	at := now
	c := configOf(f)
	c.Now = func() time.Time { return at }
	s := open(t, c)
	request, _ := newRequest(t, spec)
	if failed := issueMany(s, request, 100); failed != 100 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.Calls("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
	f.SetHandler("auth/approle/login", nil)
	at = at.Add(loginErrorTTL)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Errorf("after the pause: %v", err)
	}
}

// A login that fails for a while must not hold up the next try.
func TestTransientLoginIsTriedAgain(t *testing.T) {
	f := newVault(t)
	f.SetHandler("auth/approle/login", vaulttest.ErrorHandler(503, "Vault is sealed"))
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Errorf("%v", err)
	}
	f.SetHandler("auth/approle/login", nil)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Error(err)
	}
}

func TestTokenTTL(t *testing.T) {
	refusingRenewal := vaulttest.ErrorHandler(400, "lease is not renewable")
	sealed := vaulttest.ErrorHandler(503, "Vault is sealed")
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
			f := newVault(t)
			if row.renewal != nil {
				f.SetHandler("auth/token/renew-self", row.renewal)
			}
			at := now
			c := configOf(f)
			c.Now = func() time.Time { return at }
			s := open(t, c)
			request, _ := newRequest(t, spec)
			for range 2 {
				if _, err := s.Issue(t.Context(), request); err != nil {
					t.Fatal(err)
				}
				at = now.Add(row.after)
			}
			if n, m := f.Calls("auth/approle/login"), f.Calls("auth/token/renew-self"); n != row.logins || m != row.renewals {
				t.Errorf("%d logins and %d renewals, want %d and %d", n, m, row.logins, row.renewals)
			}
		})
	}
}

// A token near its max TTL gets less and less: then a login is better.
func TestTokenNearMaxTTL(t *testing.T) {
	f := newVault(t)
	at := now
	c := configOf(f)
	c.Now = func() time.Time { return at }
	s := open(t, c)
	for _, step := range []struct {
		after  time.Duration
		lease  int
		logins int
	}{{0, 3600, 1}, {41 * time.Minute, 60, 1}, {time.Minute - time.Second, 3600, 2}} {
		at = at.Add(step.after)
		f.SetTokenTTL(step.lease)
		if _, err := s.tokens.current(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := f.Calls("auth/approle/login"); n != step.logins {
			t.Errorf("after %s: %d logins, want %d", step.after, n, step.logins)
		}
	}
}
