// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/handshake"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
	"apisix-certs.io/apisix-certs/internal/gateway/limit"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

const (
	// serveDelay is how long a gateway may take to serve what its Admin API accepted. Measured: 4 ms, 12 ms with 1,000
	// objects; a busy one takes longer. Beyond it the caller's queue asks again.
	serveDelay = 500 * time.Millisecond
	// askAgain is the first of the pauses after which a host is asked again, each twice the one before up to askSlowly.
	firstRetryDelay = 4 * time.Millisecond
	maxRetryDelay   = 64 * time.Millisecond
	// hostsAtOnce is how many hosts of one certificate are asked; the others have the same ssl object. askedAtOnce bounds the
	// first questions to all pods.
	maxHosts           = 50
	maxFirstHandshakes = 200
	// handshakes are made at the same time for one certificate, handshakesInAll with one gateway.
	maxPerCertificate = 8
	maxPerGateway     = 32
	// againPerSecond bounds with one gateway what is asked again, for all certificates.
	retriesPerSecond = 400
	// timeout bounds all handshakes of a certificate.
	timeout = 15 * time.Second
	// failedMost bounds how many certificates are remembered that were not served.
	maxRemembered = 1000
)

// Prover proves what one gateway serves. The zero value is ready.
type Prover struct {
	once    sync.Once
	slots   *limit.Slots
	retries *rate.Limiter

	mu     sync.Mutex
	failed map[string]string // fingerprint of a certificate -> the host that failed its last proof
}

// Prove connects to each address for the hosts and compares the leaf served with fingerprint.
//
// Each host is asked once at each address. Where an address shows something else, one host is asked again there until it
// shows the certificate or the gateway has had its time to follow, for the others wait for the same; then they are asked
// once more. A host that failed the last time is asked alone at first: while it fails, the others are not asked.
func (p *Prover) Prove(ctx context.Context, addrs, hosts []string, fingerprint string) Proof {
	p.once.Do(func() {
		p.slots, p.retries = limit.New(maxPerGateway, metrics.Handshakes), rate.NewLimiter(retriesPerSecond, retriesPerSecond)
	})
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	one := &run{
		fingerprint: fingerprint, limits: []*limit.Slots{limit.New(maxPerCertificate, ""), p.slots}, retries: p.retries,
		proof: Proof{Attempted: true, Served: true},
	}
	one.proveAll(ctx, addrs, hosts, p.failedHost(fingerprint))
	p.remember(fingerprint, one.proof)
	return one.proof
}

// failedHost is the one that failed the last proof of a certificate; empty: none.
func (p *Prover) failedHost(fingerprint string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed[fingerprint]
}

func (p *Prover) remember(fingerprint string, last Proof) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, fingerprint)
	if !last.Fixable() || len(p.failed) >= maxRemembered {
		return
	}
	if p.failed == nil {
		p.failed = map[string]string{}
	}
	p.failed[fingerprint] = last.Host
}

// run is one proof.
type run struct {
	fingerprint string
	limits      []*limit.Slots
	retries     *rate.Limiter

	mu    sync.Mutex
	proof Proof
}

// seen is what one handshake showed. cause and problem are empty where it was the certificate.
type seen struct {
	serial  string
	cause   Cause
	problem string
}

// all proves the hosts at all addresses.
func (r *run) proveAll(ctx context.Context, addrs, hosts []string, failed string) {
	hosts = slices.Clone(hosts[:min(len(hosts), maxHosts, max(1, maxFirstHandshakes/len(addrs)))])
	if i := slices.Index(hosts, failed); i > 0 {
		hosts[0], hosts[i] = hosts[i], hosts[0]
	}
	window, cancel := context.WithTimeout(ctx, serveDelay)
	defer cancel()
	var at errgroup.Group
	for _, addr := range addrs {
		at.Go(func() error {
			r.proveAt(ctx, window, addr, hosts, hosts[0] == failed)
			return nil
		})
	}
	_ = at.Wait() // its functions return no errors
}

// at proves hosts at one address. alone: the first of them is to be asked before the others.
func (r *run) proveAt(ctx, window context.Context, addr string, hosts []string, alone bool) {
	if alone {
		if !r.retry(ctx, window, addr, late{hosts[0], r.shake(ctx, addr, hosts[0])}) {
			return
		}
		hosts = hosts[1:]
	}
	behind := r.probeEach(ctx, addr, hosts)
	for len(behind) > 0 && r.retry(ctx, window, addr, behind[0]) {
		var rest []string // hosts are those of other addresses too
		for _, other := range behind[1:] {
			rest = append(rest, other.host)
		}
		behind = r.probeEach(ctx, addr, rest)
	}
}

// late is a host that may only be late, and what it showed last.
type late struct {
	host string
	last seen
}

// each asks each host once, and gives those that may only be late.
func (r *run) probeEach(ctx context.Context, addr string, hosts []string) (behind []late) {
	results := make([]seen, len(hosts))
	var group errgroup.Group
	for i, host := range hosts {
		group.Go(func() error {
			results[i] = r.shake(ctx, addr, host)
			return nil
		})
	}
	_ = group.Wait() // its functions return no errors
	for i, host := range hosts {
		if isLag(results[i].cause) {
			behind = append(behind, late{host, results[i]})
			continue
		}
		r.record(host, results[i])
	}
	return behind
}

// until asks a host until it shows the certificate, for as long as it may be late, and notes what it showed.
func (r *run) retry(ctx, window context.Context, addr string, of late) bool {
	host, last := of.host, of.last
	for pause := firstRetryDelay; isLag(last.cause) && sleep(window, pause) && r.retries.Allow(); pause = min(2*pause, maxRetryDelay) {
		last = r.shake(ctx, addr, host)
	}
	r.record(host, last)
	return last.cause == ""
}

// sleep reports whether there was time for it.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// note adds what was seen of one host. Of several problems the one whose text sorts first stays, so that status does not
// change from run to run.
func (r *run) record(host string, s seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	problem := host + ": " + s.problem
	switch {
	case s.cause == "" && r.proof.Served:
		r.proof.Serial = s.serial
	case s.cause != "" && (r.proof.Served || problem < r.proof.Problem):
		r.proof = Proof{Attempted: true, Serial: s.serial, Problem: problem, Host: host, Cause: s.cause}
	}
}

func (r *run) shake(ctx context.Context, addr, host string) seen {
	for _, slots := range r.limits {
		release, err := slots.Acquire(ctx)
		if err != nil {
			return seen{cause: TimedOut, problem: "the handshake timed out"}
		}
		defer release()
	}
	shown, err := handshake.Probe{}.Do(ctx, addr, inventory.ServerName(host))
	if err != nil {
		cause, problem := problemOf(err)
		return seen{cause: cause, problem: problem}
	}
	s := seen{serial: certs.Serial(shown.Leaf)}
	if certs.Fingerprint(shown.Leaf) != r.fingerprint {
		s.cause, s.problem = OtherCertificate, "the gateway serves another certificate"
	}
	return s
}

// problemOf says what an error means at a gateway, in words that do not change from one attempt to the next.
func problemOf(err error) (Cause, string) {
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
