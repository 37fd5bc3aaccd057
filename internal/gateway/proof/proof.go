// SPDX-License-Identifier: Apache-2.0

// Package proof proves by handshakes that a gateway serves a certificate.
//
//	var prover proof.Prover // one for each gateway
//	p := prover.Prove(ctx, []string{"10.0.0.7:9443"}, []string{"shop.example.com"}, fingerprint)
//	if p.Asked && !p.Served {
//		log(p.Problem)
//	}
//
// It makes few handshakes, however many hosts fail and however often it is called for them.
package proof

import "apisix-certs.io/apisix-certs/handshake"

// Proof is what handshakes with a gateway showed.
type Proof struct {
	// Asked is false where no TLS address is known.
	Attempted bool
	// Served is true when every handshake showed the certificate.
	Served bool
	// Serial is that of the certificate seen, of a wrong one if there was any.
	Serial string
	// Problem says of the first host that failed what was seen; stable, without serials.
	Problem string
	// Host is that host, and Cause the kind of its problem.
	Host  string
	Cause Cause
}

// Cause is why a host is not proven.
type Cause = handshake.Cause

// Causes.
const (
	Unreachable      = handshake.Unreachable   // nothing listens
	NotTLS           = handshake.NotTLS        // something else than TLS is spoken there
	NoCertificate    = handshake.NoCertificate // the gateway ended the handshake
	TimedOut         = handshake.TimedOut
	Failed           = handshake.Failed
	OtherCertificate = Cause("other certificate") // another leaf was shown
)

// Mendable reports whether what the Admin API holds may be to blame, so that a look at it and a new write are worth it.
func (p Proof) Fixable() bool {
	return p.Attempted && !p.Served && isLag(p.Cause)
}

// laggard reports whether a gateway that has not followed its Admin API yet shows this.
func isLag(c Cause) bool { return c == NoCertificate || c == OtherCertificate }
