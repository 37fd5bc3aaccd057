// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// listen gives the address of a server that does serve with each connection.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// testPair is the certificate of httptest's servers.
func testPair(t *testing.T) tls.Certificate {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return server.TLS.Certificates[0]
}

func tlsServer(t *testing.T, config *tls.Config) string {
	t.Helper()
	return listen(t, func(conn net.Conn) { _ = tls.Server(conn, config).Handshake() })
}

func TestSeen(t *testing.T) {
	pair := testPair(t)
	pair.Certificate = append(pair.Certificate, pair.Certificate[0]) // a chain of two
	var asked atomic.Value
	choose := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked.Store(hello.ServerName)
		return &pair, nil
	}
	for name, test := range map[string]struct {
		auth    tls.ClientAuthType
		version uint16
		client  bool
	}{
		"TLS 1.3":                           {version: tls.VersionTLS13},
		"TLS 1.2":                           {version: tls.VersionTLS12},
		"a client certificate is requested": {tls.RequestClientCert, tls.VersionTLS13, true},
		"a client certificate is required, TLS 1.3": {tls.RequireAnyClientCert, tls.VersionTLS13, true},
		"a client certificate is required, TLS 1.2": {tls.RequireAnyClientCert, tls.VersionTLS12, true},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tlsServer(t, &tls.Config{GetCertificate: choose, ClientAuth: test.auth, MinVersion: test.version, MaxVersion: test.version})
			seen, err := Probe{}.Do(t.Context(), addr, "shop.example.com")
			if err != nil {
				t.Fatal(err)
			}
			if len(seen.Leaf.Raw) == 0 || len(seen.Intermediates) != 1 || seen.ClientCertificate != test.client {
				t.Errorf("%d intermediates, client certificate requested: %t", len(seen.Intermediates), seen.ClientCertificate)
			}
			if asked.Load() != "shop.example.com" {
				t.Errorf("the server was asked for %q", asked.Load())
			}
		})
	}
}

func TestCauses(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closedAddr := closed.Addr().String()
	_ = closed.Close()
	none := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none") }
	for name, test := range map[string]struct {
		addr string
		want Cause
	}{
		"nothing listens": {closedAddr, Unreachable},
		"no such name":    {"no-such-host.invalid:443", Unreachable},
		"HTTP":            {listen(t, func(c net.Conn) { _, _ = fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), NotTLS},
		"alert":           {tlsServer(t, &tls.Config{GetCertificate: none}), NoCertificate},
		"hangs":           {listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }), TimedOut},
		"closes":          {listen(t, func(net.Conn) {}), Failed},
	} {
		t.Run(name, func(t *testing.T) {
			var first string
			for range 2 {
				_, err := Probe{Timeout: 300 * time.Millisecond}.Do(t.Context(), test.addr, "a.example.com")
				var failed *Error
				if !errors.As(err, &failed) || failed.Cause != test.want {
					t.Fatalf("got %v (%+v), want cause %q", err, failed, test.want)
				}
				if first == "" {
					first = err.Error()
				}
				if err.Error() != first {
					t.Errorf("the text changes: %q, %q", first, err)
				}
			}
		})
	}
}

// TestTimeout: a server that is slow at any stage does not hold the caller.
func TestTimeout(t *testing.T) {
	drip := listen(t, func(c net.Conn) {
		for range 100 {
			if _, err := c.Write([]byte{22}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	for name, probe := range map[string]Probe{
		"a server that drips": {Timeout: 200 * time.Millisecond},
		"a dialer that waits": {Timeout: 200 * time.Millisecond, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	} {
		began := time.Now()
		_, err := probe.Do(t.Context(), drip, "a.example.com")
		var failed *Error
		if took := time.Since(began); took > time.Second || !errors.As(err, &failed) || failed.Cause != TimedOut && failed.Cause != NotTLS {
			t.Errorf("%s: %v after %s", name, err, took)
		}
	}
}

// counted is a connection that counts what is read of it.
type counted struct {
	net.Conn
	read *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// TestReadLimit: a server that sends without end is read to the limit at most.
func TestReadLimit(t *testing.T) {
	flood := func(record []byte) string {
		return listen(t, func(c net.Conn) {
			for {
				if _, err := c.Write(record); err != nil {
					return
				}
			}
		})
	}
	var read atomic.Int64
	probe := Probe{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return counted{conn, &read}, err
	}}
	for name, record := range map[string][]byte{
		"warnings":           {21, 3, 3, 0, 2, 1, 0},
		"an endless message": append([]byte{22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff}, make([]byte, 0x4000-4)...),
		"empty records":      {22, 3, 3, 0, 0},
	} {
		read.Store(0)
		if _, err := probe.Do(t.Context(), flood(record), "a.example.com"); err == nil || read.Load() > readLimit {
			t.Errorf("%s: %v after %d bytes", name, err, read.Load())
		}
	}
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		for {
			if _, err := server.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}()
	if n, err := io.Copy(io.Discard, &limited{Conn: client, left: readLimit}); n != readLimit || !errors.Is(err, errTooMuch) {
		t.Errorf("%d bytes: %v", n, err)
	}
}
