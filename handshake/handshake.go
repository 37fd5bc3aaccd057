// SPDX-License-Identifier: Apache-2.0

// Package handshake reports which certificate a TLS server shows for a name.
//
//	seen, err := handshake.Probe{}.Do(ctx, "10.0.0.7:9443", "shop.example.com")
//	if err == nil && seen.Leaf.SerialNumber.Cmp(issued.SerialNumber) != 0 {
//		// another certificate is served
//	}
//
// It verifies nothing: the caller compares the leaf with the one that it expects, which is stricter, and must also see
// certificates that would not verify. An error has a [Cause], which does not change from one attempt to the next.
//
// What it does not do: it sends no request, follows no DNS record but those of the address, offers no client certificate,
// and makes one attempt only. It uses the standard library alone.
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
	// DefaultTimeout is that of a [Probe] without one. A handshake takes some milliseconds.
	DefaultTimeout = 2 * time.Second
	// readLimit bounds what is read of a server. crypto/tls takes certificates of 256 KiB at most.
	readLimit = 512 << 10
)

// Probe makes handshakes. The zero value is ready to use.
type Probe struct {
	// Timeout bounds one handshake with its connection. Zero: [DefaultTimeout].
	Timeout time.Duration
	// Dial opens the connection. Nil: as a net.Dialer does.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Seen is what a server showed.
type Seen struct {
	// Leaf is never nil without an error.
	Leaf *x509.Certificate
	// Intermediates are the other certificates, in the server's order.
	Intermediates []*x509.Certificate
	// ClientCertificate reports whether the server requested one. It got none, and may have ended the handshake for that:
	// by then it had shown its certificate and proven to hold the key.
	ClientCertificate bool
}

// Do connects to addr, HOST:PORT, and reports what is shown for the server name. Where there is none, the error is an
// *Error.
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
		_ = conn.SetDeadline(deadline) // also for what the end of TLS writes
	}
	return shake(ctx, conn, name)
}

func shake(ctx context.Context, conn net.Conn, name string) (Seen, error) {
	var seen Seen
	client := tls.Client(&limited{Conn: conn, left: readLimit}, &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true, // see the package comment
		// Nothing secret is sent: the default's post-quantum exchange would be a fifth of the cost.
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
		return Seen{}, &Error{Cause: Failed, Err: errors.New("no certificate was shown")}
	}
	return seen, nil
}

// limited is a connection of which a bounded number of bytes is read.
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
