// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// sessions are cases 1, 11 and 17: what a login is worth.
var sessions = []kase{
	reported("01", "a policy is put on the auth role", func(t *testing.T) { policyAdded(t, vaulttest.Vault121) }),
	reported("01", "a policy is put in the place of another", func(t *testing.T) {
		c := newCaller(t, vaulttest.Vault121, nil)
		c.issues("", "")
		c.AllowNewTokens(false)
		c.Forget() // as tokens are whose only policy is gone
		c.minutes(3, vault.Setup, "pki/sign/web")
		c.AllowNewTokens(true)
		c.after(time.Minute)
		c.issues("", "")
		c.ready("", "")
	}),
	neighbour("01", "a policy is put on the auth role of OpenBao", func(t *testing.T) { policyAdded(t, vaulttest.OpenBao) }),
	neighbour("01", "the policy of the tokens there are is corrected", func(t *testing.T) {
		c := newCaller(t, vaulttest.Vault121, nil)
		c.Deny("pki/sign/web")
		c.issues(vault.Setup, "permission denied")
		c.Allow("pki/sign/web")
		c.issues("", "")
	}),
	neighbour("01", "an issuer whose signatures are refused is not Ready", func(t *testing.T) {
		c := newCaller(t, vaulttest.Vault121, nil)
		c.ready("", "")
		c.Deny("pki/sign/web", "sys/capabilities-self")
		c.issues(vault.Setup, "pki/sign/web")
		c.ready(vault.Setup, "pki/sign/web")
	}),

	reported("11", "OpenBao says permission denied of a dead token", func(t *testing.T) { deadToken(t, vaulttest.OpenBao) }),
	neighbour("11", "Vault 1.15 does", func(t *testing.T) { deadToken(t, vaulttest.Vault115) }),
	neighbour("11", "Vault 1.9 does", func(t *testing.T) { deadToken(t, vaulttest.Vault19) }),
	neighbour("11", "Vault 1.21 names the token", func(t *testing.T) { deadToken(t, vaulttest.Vault121) }),
	neighbour("11", "a token without a login dies", func(t *testing.T) {
		c := newCaller(t, vaulttest.OpenBao, vault.TokenAuth{Token: vault.NewSecret("given")})
		c.AddToken("given")
		c.issues("", "")
		c.Forget()
		c.minutes(2, vault.Setup, "")
		c.ready(vault.Setup, "")
		if c.Calls("auth/approle/login") > 0 {
			t.Error("it logs in without credentials")
		}
	}),

	reported("17", "a standby answers 307 while there is no active node", func(t *testing.T) {
		c := newCaller(t, vaulttest.Vault121, nil)
		c.issues("", "")
		c.SetHandler("pki/sign/web", redirect("http://127.0.0.1:1"))
		c.issues(vault.Transient, "")
		c.SetHandler("pki/sign/web", nil)
		c.issues("", "")
	}),
	reported("17", "a standby answers 307 to the active node", func(t *testing.T) {
		active := vaulttest.New(t, func() time.Time { return now })
		c := callerAt(t, active, standby(t, active, active.URL).URL, nil)
		c.issues("", "")
		c.ready("", "")
	}),
	neighbour("17", "a 307 to another cluster is not followed", func(t *testing.T) {
		active, other := vaulttest.New(t, func() time.Time { return now }), vaulttest.New(t, func() time.Time { return now })
		c := callerAt(t, active, standby(t, active, other.URL).URL, nil)
		c.issues(vault.Transient, "same cluster")
		if other.Calls("auth/approle/login")+other.Calls("pki/sign/web") > 0 {
			t.Error("credentials or a request went to another cluster")
		}
	}),
	neighbour("17", "a performance standby answers 473", func(t *testing.T) {
		c := newCaller(t, vaulttest.Vault121, nil)
		c.SetHandler("pki/sign/web", vaulttest.ErrorHandler(473))
		c.issues(vault.Transient, "")
		c.SetHandler("pki/sign/web", nil)
		c.issues("", "")
	}),
}

// caller is a session with a scripted Vault, and a clock.
type caller struct {
	*vaulttest.Vault
	t       *testing.T
	session *vault.Session
	passed  *atomic.Int64
}

func newCaller(t *testing.T, dialect vaulttest.Dialect, auth vault.Auth) *caller {
	v := vaulttest.StartDialect(func() time.Time { return now }, dialect)
	t.Cleanup(v.Close)
	return callerAt(t, v, v.URL, auth)
}

func callerAt(t *testing.T, v *vaulttest.Vault, address string, auth vault.Auth) *caller {
	t.Helper()
	if auth == nil {
		auth = vault.AppRoleAuth{RoleID: "role", SecretID: vault.NewSecret("secret-id")}
	}
	c := &caller{v, t, nil, new(atomic.Int64)}
	session, err := vault.Open(vault.Config{
		Server: address, Path: "pki/sign/web", Auth: auth, Now: func() time.Time { return now.Add(time.Duration(c.passed.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	c.session = session
	return c
}

func (c *caller) after(d time.Duration) { c.passed.Add(int64(d)) }

func (c *caller) issue() error {
	c.t.Helper()
	spec := certs.Spec{DNSNames: []string{"www.example.com"}, Duration: time.Hour}
	key := newKey(c.t, spec.Key)
	_, err := c.session.Issue(c.t.Context(), vault.Request{Spec: spec, CSR: func() ([]byte, error) { return certs.CreateRequest(spec, key) }})
	return err
}

// issues wants a certificate, or an error of a kind that says something.
func (c *caller) issues(kind vault.Kind, says string) {
	c.t.Helper()
	c.wants("issue", c.issue(), kind, says)
}

// ready is issues for the check of the issuer.
func (c *caller) ready(kind vault.Kind, says string) {
	c.t.Helper()
	_, err := c.session.Check(c.t.Context())
	c.wants("check", err, kind, says)
}

func (c *caller) wants(what string, err error, kind vault.Kind, says string) {
	c.t.Helper()
	var of vault.Kind
	if failure := (*vault.Error)(nil); errors.As(err, &failure) {
		of = failure.Kind
	}
	if of != kind || (err == nil) != (kind == "") || err != nil && !strings.Contains(err.Error(), says) {
		c.t.Errorf("%s: %v (%s), want %q with %q", what, err, of, kind, says)
	}
}

// minutes tries for some minutes, twelve times a minute, and wants one more login for each at most.
func (c *caller) minutes(n int, kind vault.Kind, says string) {
	c.t.Helper()
	before := c.Tokens()
	for range n * 12 {
		c.issues(kind, says)
		c.after(5 * time.Second)
	}
	if logins := c.Tokens() - before; logins > n+1 {
		c.t.Errorf("%d logins in %d minutes", logins, n)
	}
}

// policyAdded: nothing works until the auth role gives a policy. Then all does within two minutes, without a touch.
func policyAdded(t *testing.T, dialect vaulttest.Dialect) {
	c := newCaller(t, dialect, nil)
	c.AllowNewTokens(false)
	c.ready(vault.Setup, "pki/sign/web")
	c.minutes(10, vault.Setup, "")
	c.AllowNewTokens(true)
	c.after(time.Minute)
	c.ready("", "")
	c.issues("", "")
}

// deadToken: one new login, and a certificate.
func deadToken(t *testing.T, dialect vaulttest.Dialect) {
	c := newCaller(t, dialect, nil)
	c.issues("", "")
	c.Forget()
	c.after(time.Minute)
	c.issues("", "")
	c.ready("", "")
	if n := c.Tokens(); n != 2 {
		t.Errorf("%d logins", n)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// standby answers health itself, and the rest with 307.
func standby(t *testing.T, of *vaulttest.Vault, to string) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/sys/health" {
			of.ServeHTTP(w, r)
			return
		}
		redirect(to)(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}
