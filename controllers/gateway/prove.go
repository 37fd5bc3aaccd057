// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/handshake"
)

// Proof is what handshakes with a gateway showed.
type Proof struct {
	// Asked is false where no TLS address is known.
	Asked bool
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
	// Of Explain:
	UnfitKey   = Cause("unfit key")  // the ssl object has the certificate, and nothing else is in the way
	Unreadable = Cause("unreadable") // the same for an ssl object that refers to a Vault
)

// Mendable tells whether what the Admin API holds may be to blame, so that a look at it and a new write are worth it.
func (p Proof) Mendable() bool {
	return p.Asked && !p.Served && (p.Cause == NoCertificate || p.Cause == OtherCertificate)
}

const (
	// serveDelay is how long a gateway may take to serve what its Admin API accepted. Measured: 4 ms, 12 ms with 1,000
	// objects; a busy one takes longer. Beyond it the caller's queue asks again.
	serveDelay = 500 * time.Millisecond
	askAgain   = 4 * time.Millisecond
	// provenAtOnce is how many hosts of one certificate are asked; the others have the same ssl object.
	provenAtOnce = 50
	// handshakes are made at the same time for one certificate, handshakesInAll with one gateway.
	handshakes      = 8
	handshakesInAll = 32
	// proofTimeout bounds all handshakes of a certificate.
	proofTimeout  = 15 * time.Second
	wildcardLabel = "apisix-certs-proof"
)

// proofName is the name asked for: a wildcard is proven by a made-up label.
func proofName(host string) string { return strings.Replace(host, "*", wildcardLabel, 1) }

// Prove connects to the gateway's TLS port for each host and compares the leaf served with fingerprint. It asks again,
// for a moment, while an older one is served.
func (g *Gateway) Prove(ctx context.Context, hosts []string, fingerprint string) Proof {
	pods := g.tlsPort()
	switch {
	case len(hosts) == 0, len(pods.addrs) == 0 && pods.problem == "":
		return Proof{}
	case len(pods.addrs) == 0:
		return Proof{Asked: true, Problem: pods.problem, Cause: Unreachable}
	}
	if len(hosts) > provenAtOnce {
		hosts = hosts[:provenAtOnce]
	}
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	proof := Proof{Asked: true, Served: true}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(handshakes)
	for _, addr := range pods.addrs {
		for _, host := range hosts {
			group.Go(func() error {
				seen := g.proveHost(ctx, addr, host, fingerprint)
				mu.Lock()
				defer mu.Unlock()
				proof.add(host, seen)
				return nil
			})
		}
	}
	_ = group.Wait() // its functions return no errors
	measureProof(g.Name, proof)
	return proof
}

// Proven is the Proof of handshakes that were made before, for who knows that nothing has changed since. Where it cannot be
// told any more, ok is false.
func (g *Gateway) Proven(serial string) (p Proof, ok bool) {
	if pods := g.tlsPort(); len(pods.addrs) == 0 {
		return p, false
	}
	return Proof{Asked: true, Served: true, Serial: serial}, true
}

// add takes what was seen of one host. Of several problems the one whose text sorts first stays, so that status does
// not change from run to run.
func (p *Proof) add(host string, s seen) {
	problem := host + ": " + s.problem
	switch {
	case s.cause == "" && p.Served:
		p.Serial = s.serial
	case s.cause != "" && (p.Served || problem < p.Problem):
		p.Served, p.Serial, p.Problem, p.Host, p.Cause = false, s.serial, problem, host, s.cause
	}
}

func (g *Gateway) proveHost(ctx context.Context, addr, host, fingerprint string) seen {
	last := seen{cause: TimedOut, problem: "the handshake timed out"}
	_ = wait.PollUntilContextTimeout(ctx, askAgain, serveDelay, true, func(context.Context) (bool, error) {
		// Under ctx and not the poll's own: its end must not pass for what the gateway shows.
		done, err := g.handshakeTurn(ctx)
		if err != nil {
			return false, err
		}
		defer done()
		last = shake(ctx, addr, host)
		if last.cause == "" && certs.Fingerprint(last.leaf) != fingerprint {
			last.cause, last.problem = OtherCertificate, "the gateway serves another certificate"
		}
		return last.cause != OtherCertificate && last.cause != NoCertificate, nil
	})
	return last
}
