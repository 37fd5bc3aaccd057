// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// Vault is a running scripted Vault. Its methods may be called while it serves.
type Vault struct {
	*httptest.Server
	// CA signs at the mount "pki".
	CA *certstest.CA

	now     func() time.Time
	dialect Dialect

	mu       sync.Mutex
	role     map[string]any
	lease    int  // seconds of a token
	allowNew bool // whether the policies of new tokens allow calls
	sealed   bool
	hung     chan struct{} // closed when it serves again; nil while it serves
	denied   map[string]bool
	handlers map[string]http.HandlerFunc
	tokens   map[string]*token
	calls    map[string]int
	bodies   []map[string]any
	header   http.Header
	revoked  []revocation
	sequence int
}

type token struct {
	expired bool
	allowed bool // whether its policies allow calls
	// leases are the certificates that are revoked when the token expires.
	leases []revocation
}

// Start starts a Vault with the clock now. It panics on failure, as httptest does.
func Start(now func() time.Time) *Vault { return StartDialect(now, Vault121) }

// StartDialect is Start with the responses of another version of Vault.
func StartDialect(now func() time.Time, dialect Dialect) *Vault {
	v := &Vault{
		CA:  certstest.NewCA(panicking{}, "root", now().Add(1000*time.Hour)),
		now: now, dialect: dialect, lease: 3600, allowNew: true,
		role:   map[string]any{"key_type": "any", "allow_any_name": true, "issuer_ref": "default", "max_ttl": 3600},
		denied: map[string]bool{}, handlers: map[string]http.HandlerFunc{}, tokens: map[string]*token{}, calls: map[string]int{},
	}
	v.Server = httptest.NewServer(v)
	return v
}

// New is Start with a Vault that is closed at the end of the test.
func New(t testing.TB, now func() time.Time) *Vault {
	v := Start(now)
	t.Cleanup(v.Close)
	return v
}

// Close ends calls that hang, and closes the server.
func (v *Vault) Close() {
	v.Hang(false)
	v.CloseClientConnections()
	v.Server.Close()
}

// panicking is the TB for certstest outside a test.
type panicking struct{ testing.TB }

func (panicking) Helper()           {}
func (panicking) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// ServeHTTP serves Vault's API.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	v.mu.Lock()
	v.calls[path]++
	v.header = r.Header.Clone()
	scripted, hung, sealed := v.handlers[path], v.hung, v.sealed
	v.mu.Unlock()
	switch {
	case hung != nil:
		hang(r, hung)
	case scripted != nil:
		scripted(w, r)
	case path == "sys/health":
		v.health(w)
	case sealed:
		WriteError(w, http.StatusServiceUnavailable, "Vault is sealed")
	case strings.HasSuffix(path, "/login"):
		v.LogIn(w)
	case path == "pki/crl" || strings.HasSuffix(path, "/crl/der"):
		v.crl(w)
	case strings.HasPrefix(path, "pki/issuer/") && strings.HasSuffix(path, "/json"):
		v.issuer(w, path)
	default:
		v.authenticated(w, r, path)
	}
}

// hang reads the body first, because until then a server does not notice that its client is gone.
func hang(r *http.Request, until <-chan struct{}) {
	drain(r)
	select {
	case <-until:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler) // the call is lost
}

// authenticated handles paths that require a token.
func (v *Vault) authenticated(w http.ResponseWriter, r *http.Request, path string) {
	name := r.Header.Get("X-Vault-Token")
	v.mu.Lock()
	holder := v.tokens[name]
	alive := holder != nil && !holder.expired
	allowed := alive && holder.allowed && !v.denied[path]
	v.mu.Unlock()
	own := strings.HasPrefix(path, "auth/token/") || path == "sys/capabilities-self"
	switch {
	case !alive:
		WriteError(w, http.StatusForbidden, v.dialect.deadToken)
	case own && !v.denies(path):
		v.tokenSelf(w, r, path, holder)
	case !allowed:
		WriteError(w, http.StatusForbidden, v.dialect.denied)
	case path == "pki/roles/web":
		v.mu.Lock()
		role := maps.Clone(v.role)
		v.mu.Unlock()
		WriteData(w, role)
	case strings.HasPrefix(path, "pki/sign/"), strings.HasPrefix(path, "pki/sign-verbatim"), strings.HasPrefix(path, "pki/issuer/"):
		v.Sign(w, r)
	case path == "pki/revoke":
		v.revoke(w, r)
	default:
		WriteError(w, http.StatusNotFound, `no handler for route "`+path+`". route entry not found.`)
	}
}

// tokenSelf handles what the policy "default" allows a token to do with itself.
func (v *Vault) tokenSelf(w http.ResponseWriter, r *http.Request, path string, holder *token) {
	drain(r)
	v.mu.Lock()
	defer v.mu.Unlock()
	switch path {
	case "auth/token/renew-self":
		write(w, map[string]any{"auth": map[string]any{"client_token": "", "lease_duration": v.lease, "renewable": true}})
	case "auth/token/lookup-self":
		WriteData(w, map[string]any{"ttl": v.lease, "renewable": true})
	case "auth/token/revoke-self":
		v.expire(holder)
		w.WriteHeader(http.StatusNoContent)
	case "sys/capabilities-self":
		can := "deny"
		if holder.allowed {
			can = "update"
		}
		WriteData(w, map[string]any{"capabilities": []string{can}})
	}
}

func (v *Vault) denies(path string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.denied[path]
}

func (v *Vault) health(w http.ResponseWriter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	write(w, map[string]any{"initialized": true, "sealed": v.sealed, "version": v.dialect.version, "cluster_id": "cluster-of-" + v.CA.Cert.SerialNumber.String()})
}

// LogIn returns a new token. Handlers may call it.
func (v *Vault) LogIn(w http.ResponseWriter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := fmt.Sprintf("token-%d", len(v.tokens)+1)
	v.tokens[name] = &token{allowed: v.allowNew}
	write(w, map[string]any{"auth": map[string]any{"client_token": name, "lease_duration": v.lease, "renewable": true}})
}

// WriteData writes a response with data.
func WriteData(w http.ResponseWriter, data map[string]any) { write(w, map[string]any{"data": data}) }

// WriteError writes an error response in Vault's format.
func WriteError(w http.ResponseWriter, status int, messages ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": messages})
}

// ErrorHandler returns a handler that calls WriteError.
func ErrorHandler(status int, messages ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { WriteError(w, status, messages...) }
}

func write(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
