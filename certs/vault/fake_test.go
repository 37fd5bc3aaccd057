// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newVault(t testing.TB) *vaulttest.Vault {
	return vaulttest.New(t, func() time.Time { return now })
}

// clock is one that tests set.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time       { return now.Add(time.Duration(c.passed.Load())) }
func (c *clock) step(d time.Duration) { c.passed.Add(int64(d)) }

// counter counts the connections that a Session has open. A server would see the end of one too late.
type counter struct{ open, most atomic.Int64 }

func (n *counter) watch(s *Session) {
	dial := s.wire.pool.DialContext
	s.wire.pool.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
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

const secretID = "s3cr3t-1d-0123456789"

func configOf(v *vaulttest.Vault) Config {
	return Config{
		Server: v.URL, Path: "pki/sign/web", Now: func() time.Time { return now },
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
	return Request{CSR: func() ([]byte, error) { return csr, nil }, Spec: spec}, key
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
