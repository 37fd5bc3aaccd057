// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"apisix-certs.io/apisix-certs/certs"
)

// seen is what one handshake showed.
type seen struct {
	leaf   *x509.Certificate // nil: none
	serial string
	// cause and problem are empty where a certificate was shown.
	cause   Cause
	problem string
}

// shake makes one handshake. It verifies nothing: the caller compares the leaf with the one that was issued, which is
// stricter, and must also see certificates that would not verify.
func shake(ctx context.Context, addr, host string) seen {
	leaf, err := handshake(ctx, addr, proofName(host))
	if err != nil {
		cause, problem := handshakeProblem(err)
		return seen{cause: cause, problem: problem}
	}
	return seen{leaf: leaf, serial: certs.Serial(leaf)}
}

// handshake gives the leaf shown for a name. A gateway that asks for a client certificate gets none, and may then end
// the handshake: by then it has proven to hold the leaf's key.
func handshake(ctx context.Context, addr, name string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	var leaf *x509.Certificate
	asked := false
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true,
		// Nothing secret is sent: the default's post-quantum exchange would be a fifth of the cost.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 {
				leaf = state.PeerCertificates[0]
			}
			return nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil
		},
	}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err == nil {
		_ = conn.Close()
	}
	switch {
	case err != nil && (leaf == nil || !asked):
		return nil, err
	case leaf == nil:
		return nil, errors.New("no certificate was shown")
	}
	return leaf, nil
}

// handshakeProblem says what an error means, in words that do not change from one attempt to the next.
func handshakeProblem(err error) (Cause, string) {
	var network *net.OpError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return NotTLS, "the port does not speak TLS: check the gateway's TLS address and that ssl.enable is on"
	case errors.As(err, &alert):
		return NoCertificate, fmt.Sprintf("the gateway ended the handshake with alert %d: it has no usable certificate for this name", uint8(alert))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return TimedOut, "the handshake timed out"
	case errors.As(err, &network) && network.Op == "remote error":
		return NoCertificate, "the gateway ended the handshake: it has no usable certificate for this name"
	case errors.As(err, &network) && network.Op == "dial":
		return Unreachable, "the gateway's TLS port cannot be reached"
	}
	return Failed, "the handshake failed"
}
