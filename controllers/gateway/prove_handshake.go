// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/handshake"
)

// seen is what one handshake showed.
type seen struct {
	leaf   *x509.Certificate // nil: none
	serial string
	// cause and problem are empty where a certificate was shown.
	cause   Cause
	problem string
}

// shake makes one handshake for host.
func shake(ctx context.Context, addr, host string) seen {
	shown, err := handshake.Probe{}.Do(ctx, addr, proofName(host))
	if err != nil {
		cause, problem := handshakeProblem(err)
		return seen{cause: cause, problem: problem}
	}
	return seen{leaf: shown.Leaf, serial: certs.Serial(shown.Leaf)}
}

// handshakeProblem says what an error means at a gateway, in words that do not change from one attempt to the next.
func handshakeProblem(err error) (Cause, string) {
	var failed *handshake.Error
	if !errors.As(err, &failed) {
		return Failed, "the handshake failed"
	}
	switch failed.Cause {
	case NotTLS:
		return NotTLS, "the port does not speak TLS: check the gateway's TLS address and that ssl.enable is on"
	case NoCertificate:
		if failed.Alert != 0 {
			return NoCertificate, fmt.Sprintf("the gateway ended the handshake with alert %d: it has no usable certificate for this name", failed.Alert)
		}
		return NoCertificate, "the gateway ended the handshake: it has no usable certificate for this name"
	case Unreachable:
		return Unreachable, "the gateway's TLS port cannot be reached"
	}
	return failed.Cause, failed.Error()
}
