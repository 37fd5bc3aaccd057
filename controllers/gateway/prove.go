// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"

	"apisix-certs.io/apisix-certs/certs"
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
}

const (
	// serveDelay is how long a gateway may take to serve what its Admin API accepted. Measured: 4 ms, 12 ms with 1,000
	// objects; a busy one takes longer. Beyond it the caller's queue asks again.
	serveDelay    = 500 * time.Millisecond
	askAgain      = 4 * time.Millisecond
	handshakes    = 8
	provenAtOnce  = 50 // hosts asked of one certificate; the others have the same ssl object
	wildcardLabel = "apisix-certs-proof"
)

// Prove connects to the gateway's TLS port for each host and compares the leaf served with fingerprint. It asks again,
// for a moment, while an older one is served.
func (g *Gateway) Prove(ctx context.Context, hosts []string, fingerprint string) Proof {
	if len(g.TLSAddrs) == 0 || len(hosts) == 0 {
		return Proof{}
	}
	if len(hosts) > provenAtOnce {
		hosts = hosts[:provenAtOnce]
	}
	proof := Proof{Asked: true, Served: true}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(handshakes)
	for _, addr := range g.TLSAddrs {
		for _, host := range hosts {
			group.Go(func() error {
				serial, problem := proveHost(ctx, addr, host, fingerprint)
				mu.Lock()
				defer mu.Unlock()
				proof.add(host, serial, problem)
				return nil
			})
		}
	}
	_ = group.Wait() // its functions return no errors
	return proof
}

// add takes the result of one host. Of several problems the one whose text sorts first stays, so that status does not
// change from run to run.
func (p *Proof) add(host, serial, problem string) {
	switch {
	case problem == "" && p.Served:
		p.Serial = serial
	case problem != "":
		problem = host + ": " + problem
		if p.Served || problem < p.Problem {
			p.Serial, p.Problem = serial, problem
		}
		p.Served = false
	}
}

func proveHost(ctx context.Context, addr, host, fingerprint string) (serial, problem string) {
	_ = wait.PollUntilContextTimeout(ctx, askAgain, serveDelay, true, func(ctx context.Context) (bool, error) {
		leaf, err := handshake(ctx, addr, host)
		switch {
		case err != nil:
			problem = handshakeProblem(err)
			var network *net.OpError
			return errors.As(err, &network) && network.Op == "dial", nil // no use in asking again at once
		case certs.Fingerprint(leaf) != fingerprint:
			serial, problem = certs.Serial(leaf), "the gateway serves another certificate"
			return false, nil
		}
		serial, problem = certs.Serial(leaf), ""
		return true, nil
	})
	return serial, problem
}

// handshake returns the leaf served for a host. It verifies nothing: the caller compares the leaf with the one that
// was issued, which is stricter, and must also see certificates that would not verify.
func handshake(ctx context.Context, addr, host string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName:         strings.Replace(host, "*", wildcardLabel, 1),
		InsecureSkipVerify: true,
	}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	served := conn.(*tls.Conn).ConnectionState().PeerCertificates
	if len(served) == 0 {
		return nil, errors.New("no certificate was shown")
	}
	return served[0], nil
}

// handshakeProblem says what an error means, in words that do not change from one attempt to the next.
func handshakeProblem(err error) string {
	var network *net.OpError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return "the port does not speak TLS: check the gateway's TLS address and that ssl.enable is on"
	case errors.As(err, &alert):
		return fmt.Sprintf("the gateway ended the handshake with alert %d: it has no usable certificate for this name", uint8(alert))
	case errors.Is(err, context.DeadlineExceeded):
		return "the handshake timed out"
	case errors.As(err, &network) && network.Op == "remote error":
		return "the gateway ended the handshake: it has no usable certificate for this name"
	case errors.As(err, &network) && network.Op == "dial":
		return "the gateway's TLS port cannot be reached"
	}
	return "the handshake failed"
}
