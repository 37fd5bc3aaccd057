// SPDX-License-Identifier: Apache-2.0

// Package proof verifies by handshakes that a gateway serves a certificate.
//
//	var prover proof.Prover // one for each gateway
//	p := prover.Prove(ctx, []string{"10.0.0.7:9443"}, []string{"shop.example.com"}, fingerprint)
//	if p.Attempted && !p.Served {
//		log(p.Problem)
//	}
//
// It makes few handshakes, regardless of how many hosts fail and how often it is called for them.
package proof

import "apisix-certs.io/apisix-certs/handshake"

// Proof is the result of handshakes with a gateway.
type Proof struct {
	// Attempted is false if no TLS address is known.
	Attempted bool
	// Served is true if every handshake showed the certificate.
	Served bool
	// Serial is that of the certificate seen. If any was wrong, it is that of a wrong one.
	Serial string
	// Problem says what was seen for the first host that failed. It is stable and contains no serial.
	Problem string
	// Host is that host, and Cause the kind of its problem.
	Host  string
	Cause Cause
}

// Cause is why a host is not served.
type Cause = handshake.Cause

// Causes.
const (
	Unreachable      = handshake.Unreachable   // nothing listens
	NotTLS           = handshake.NotTLS        // the port does not speak TLS
	NoCertificate    = handshake.NoCertificate // the gateway closed the handshake
	TimedOut         = handshake.TimedOut
	Failed           = handshake.Failed
	OtherCertificate = Cause("other certificate") // another leaf was shown
)

// Fixable reports whether the objects in the Admin API may be the cause, so that reading and writing them again may help.
func (p Proof) Fixable() bool {
	return p.Attempted && !p.Served && isLag(p.Cause)
}

// isLag reports whether a gateway that has not applied a change of its Admin API yet may cause this.
func isLag(c Cause) bool { return c == NoCertificate || c == OtherCertificate }
