// SPDX-License-Identifier: Apache-2.0

// Package handshake reports which certificate a TLS server presents for a server name.
//
//	seen, err := handshake.Probe{}.Do(ctx, "10.0.0.7:9443", "shop.example.com")
//	if err == nil && !seen.Leaf.Equal(issued) {
//		// the server presents another certificate
//	}
//
// It does not verify the certificate, because it must also return certificates that do not verify. Callers compare
// [Seen.Leaf] with the certificate that they expect, which is stricter. An [Error] has a [Cause], which is stable: it is
// the same for each attempt with the same problem.
//
// A [Probe] makes one attempt. It sends no application data, and presents no client certificate. The package uses only
// the standard library.
package handshake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// DefaultTimeout is the timeout of a [Probe] without one. A handshake takes some milliseconds.
	DefaultTimeout = 2 * time.Second
	// readLimit bounds what is read from a server. crypto/tls accepts certificates of up to 256 KiB.
	readLimit = 512 << 10
)

// Probe makes handshakes. The zero value is ready to use.
type Probe struct {
	// Timeout is the timeout of one handshake, including its connection. Zero is [DefaultTimeout].
	Timeout time.Duration
	// Dial opens the connection. If it is nil, a net.Dialer does.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Seen is what a server returned.
type Seen struct {
	// Leaf is the server's certificate. It is never nil if there is no error.
	Leaf *x509.Certificate
	// Intermediates are the other certificates, in the server's order.
	Intermediates []*x509.Certificate
	// ClientCertificate reports whether the server requested a client certificate. It got none and may have ended the
	// handshake for that reason, after it had sent its certificate and proven possession of the key.
	ClientCertificate bool
}

// Do connects to addr, HOST:PORT, and returns the certificate that the server presents for the server name. The error
// is an *Error.
func (p Probe) Do(ctx context.Context, addr, name string) (Seen, error) {
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := p.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return Seen{}, errorOf(err, true)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // also for the TLS close alert
	}
	return shake(ctx, conn, name)
}

func shake(ctx context.Context, conn net.Conn, name string) (Seen, error) {
	var seen Seen
	client := tls.Client(&limited{Conn: conn, left: readLimit}, &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true, // see the package comment
		// No secret is sent, and the default post-quantum key exchange would be a fifth of the cost.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				seen.Leaf, seen.Intermediates = state.PeerCertificates[0], state.PeerCertificates[1:]
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			seen.ClientCertificate = true
			return &tls.Certificate{}, nil
		},
	})
	err := client.HandshakeContext(ctx)
	switch {
	case err != nil && (seen.Leaf == nil || !seen.ClientCertificate):
		return Seen{}, errorOf(err, false)
	case seen.Leaf == nil:
		return Seen{}, &Error{Cause: Failed, Err: errors.New("the server presented no certificate")}
	}
	return seen, nil
}

// limited is a connection from which a limited number of bytes is read.
type limited struct {
	net.Conn
	left int
}

var errTooMuch = fmt.Errorf("the server sent more than %d bytes: %w", readLimit, io.ErrShortBuffer)

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooMuch
	}
	n, err := l.Conn.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
