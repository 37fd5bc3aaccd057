// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

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
