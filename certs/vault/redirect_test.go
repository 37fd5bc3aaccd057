// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// standby responds as a standby of a Vault does whose forwarding fails: health itself, the rest with 307.
func standby(t *testing.T, of *vaulttest.Vault, to string) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/sys/health" {
			of.ServeHTTP(w, r)
			return
		}
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestRedirects(t *testing.T) {
	active, other := newVault(t), newVault(t)
	secure := httptest.NewTLSServer(active)
	t.Cleanup(secure.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, row := range []struct {
		name, to string
		kind     Kind
		want     string
	}{
		{"to the active node", active.URL, "", ""},
		{"to a standby of it", standby(t, active, active.URL).URL, Transient, "redirect to each other"},
		{"to another cluster", other.URL, Transient, "same cluster"},
		{"to a node that is gone", gone.URL, Transient, "same cluster"},
		{"to another scheme", secure.URL, Transient, "https"},
		{"to another path", active.URL + "/x?", Transient, "same cluster"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := configOf(active)
			c.Server = standby(t, active, row.to).URL
			s := open(t, c)
			request, _ := newRequest(t, spec)
			_, err := s.Issue(t.Context(), request)
			if kindOfError(t, err) != row.kind || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v", err)
			}
			if _, err := s.Check(t.Context()); kindOfError(t, err) != row.kind {
				t.Errorf("check: %v", err)
			}
		})
	}
	for _, path := range []string{"auth/approle/login", "pki/sign/web"} {
		if n := other.Calls(path); n > 0 {
			t.Errorf("%s was sent to another cluster", path)
		}
	}
}

// TestFailoverPasses: redirects to a node that is gone are over when the cluster has an active node again.
func TestFailoverPasses(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	for status, response := range map[int]http.HandlerFunc{
		307: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1"+r.URL.Path, 307)
		},
		472: vaulttest.ErrorHandler(472), 473: vaulttest.ErrorHandler(473), 429: vaulttest.ErrorHandler(429), 503: vaulttest.ErrorHandler(503),
	} {
		f.SetHandler("pki/sign/web", response)
		if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
			t.Errorf("%d: %v", status, err)
		}
		f.SetHandler("pki/sign/web", nil) // and nothing more is waited for
		if _, err := s.Issue(t.Context(), request); err != nil {
			t.Errorf("after %d: %v", status, err)
		}
	}
	if f.Tokens() != 1 {
		t.Errorf("%d logins", f.Tokens())
	}
}
