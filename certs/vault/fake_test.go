// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fakeVault is a scripted Vault with one AppRole, one role and a root CA. answers take precedence over its own.
type fakeVault struct {
	*httptest.Server
	ca *certstest.CA

	mu       sync.Mutex
	calls    map[string]int // by path without /v1/
	tokens   map[string]bool
	renewals int
	lease    int
	answers  map[string]http.HandlerFunc
	bodies   []map[string]any // of sign and issue
	headers  http.Header      // of the last call
}

func newFakeVault(t testing.TB) *fakeVault {
	f := &fakeVault{
		ca: certstest.NewCA(t, "root", now.Add(1000*time.Hour)), lease: 3600,
		calls: map[string]int{}, tokens: map[string]bool{}, answers: map[string]http.HandlerFunc{},
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// counter counts the connections that a Session has open. A server would see the end of one too late.
type counter struct{ open, most atomic.Int64 }

func (n *counter) watch(s *Session) {
	dial := s.pool.DialContext
	s.pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if open := n.open.Add(1); open > n.most.Load() {
			n.most.Store(open)
		}
		return &counted{Conn: c, closed: sync.OnceFunc(func() { n.open.Add(-1) })}, nil
	}
}

type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	f.mu.Lock()
	f.calls[path]++
	f.headers = r.Header.Clone()
	known := f.tokens[r.Header.Get("X-Vault-Token")]
	own := f.answers[path]
	f.mu.Unlock()
	switch {
	case own != nil:
		own(w, r)
	case strings.HasSuffix(path, "/login"):
		f.logIn(w)
	case path == "sys/health":
		fmt.Fprint(w, `{"initialized":true,"version":"1.21.4"}`)
	case strings.HasSuffix(path, "/json"):
		reply(w, map[string]any{"certificate": string(certstest.PEM(f.ca.Cert)), "ca_chain": []string{string(certstest.PEM(f.ca.Cert))}})
	case !known:
		refuse(w, 403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	case path == "auth/token/renew-self":
		f.mu.Lock()
		f.renewals++
		f.mu.Unlock()
		fmt.Fprintf(w, `{"auth":{"client_token":"","lease_duration":%d,"renewable":true}}`, f.lease)
	case path == "auth/token/lookup-self":
		reply(w, map[string]any{"ttl": f.lease, "renewable": true})
	case path == "sys/capabilities-self":
		reply(w, map[string]any{"capabilities": []string{"update"}})
	case path == "pki/roles/web":
		reply(w, map[string]any{"key_type": "any", "allow_any_name": true, "issuer_ref": "default", "max_ttl": 3600})
	case strings.HasPrefix(path, "pki/sign/"):
		f.sign(w, r)
	default:
		refuse(w, 404, `no handler for route "`+path+`". route entry not found.`)
	}
}

func (f *fakeVault) logIn(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	token := fmt.Sprintf("token-%d", len(f.tokens)+1)
	f.tokens[token] = true
	fmt.Fprintf(w, `{"auth":{"client_token":%q,"lease_duration":%d,"renewable":true}}`, token, f.lease)
}

func (f *fakeVault) sign(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.mu.Lock()
	f.bodies = append(f.bodies, body)
	f.mu.Unlock()
	block, _ := pem.Decode([]byte(body["csr"].(string)))
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		refuse(w, 400, "certificate request could not be parsed: "+err.Error())
		return
	}
	leaf := f.ca.Sign(&testing.T{}, &x509.Certificate{
		Subject: request.Subject, DNSNames: request.DNSNames, NotBefore: now.Add(-30 * time.Second), NotAfter: now.Add(24 * time.Hour),
	}, request.PublicKey)
	root := string(certstest.PEM(f.ca.Cert))
	reply(w, map[string]any{"certificate": string(certstest.PEM(leaf)), "issuing_ca": root, "ca_chain": []string{root}})
}

// forget makes Vault forget all tokens, as after its storage was wiped.
func (f *fakeVault) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for token := range f.tokens {
		f.tokens[token] = false
	}
}

func (f *fakeVault) answer(path string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[path] = h
}

func (f *fakeVault) called(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[path]
}

func reply(w http.ResponseWriter, data map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

func refuse(w http.ResponseWriter, status int, messages ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": messages})
}

func refusing(status int, messages ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, messages...) }
}

const secretID = "s3cr3t-1d-0123456789"

func (f *fakeVault) config() Config {
	return Config{
		Server: f.URL, Path: "pki/sign/web", Now: func() time.Time { return now },
		Auth: AppRoleAuth{RoleID: "role", SecretID: NewSecret(secretID)},
	}
}

func open(t testing.TB, c Config) *Session {
	t.Helper()
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

var spec = certs.Spec{DNSNames: []string{"www.example.com"}, Duration: 24 * time.Hour}

func newRequest(t testing.TB, spec certs.Spec) (Request, certs.Key) {
	t.Helper()
	key, err := certs.GenerateKey(spec.Key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := certs.CreateRequest(spec, key)
	if err != nil {
		t.Fatal(err)
	}
	return Request{CSRPEM: csr, Spec: spec}, key
}

// kindOfError is empty for nil.
func kindOfError(t testing.TB, err error) Kind {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("%T is no *Error: %v", err, err)
	}
	return e.Kind
}
