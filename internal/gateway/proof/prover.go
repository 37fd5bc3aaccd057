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
	// objects; a busy one takes longer. After that the caller's queue retries.
	serveDelay = 500 * time.Millisecond
	// firstRetryDelay is the delay before the first retry for a host. Each further delay is twice the one before, up to
	// maxRetryDelay.
	firstRetryDelay = 4 * time.Millisecond
	maxRetryDelay   = 64 * time.Millisecond
	// maxHosts is how many hosts of one certificate are verified; the others are in the same ssl object. maxFirstHandshakes
	// limits the first handshakes with all pods.
	maxHosts           = 50
	maxFirstHandshakes = 200
	// maxPerCertificate limits concurrent handshakes for one certificate, maxPerGateway those with one gateway.
	maxPerCertificate = 8
	maxPerGateway     = 32
	// retriesPerSecond limits retries with one gateway, for all certificates.
	retriesPerSecond = 400
	// timeout limits all handshakes for a certificate.
	timeout = 15 * time.Second
	// maxRemembered limits how many certificates that were not served are remembered.
	maxRemembered = 1000
)

// Prover verifies what one gateway serves. The zero value is ready to use.
type Prover struct {
	once    sync.Once
	slots   *limit.Slots
	retries *rate.Limiter

	mu     sync.Mutex
	failed map[string]string // fingerprint of a certificate -> the host that failed its last verification
}

// Prove connects to each address for the hosts and compares the leaf served with fingerprint.
//
// Each host is verified once at each address. If an address shows something else, one host is retried there until it shows
// the certificate or serveDelay has passed, as the others wait for the same change; then they are verified once more. A
// host that failed the last time is verified first, and the others only if it succeeds.
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

// failedHost returns the host that failed the last verification of a certificate, or an empty string.
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

// run is one verification.
type run struct {
	fingerprint string
	limits      []*limit.Slots
	retries     *rate.Limiter

	mu    sync.Mutex
	proof Proof
}

// seen is the result of one handshake. cause and problem are empty if it showed the certificate.
type seen struct {
	serial  string
	cause   Cause
	problem string
}

// proveAll verifies the hosts at all addresses.
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

// proveAt verifies hosts at one address. With alone, the first host is verified before the others.
func (r *run) proveAt(ctx, window context.Context, addr string, hosts []string, alone bool) {
	if alone {
		if !r.retry(ctx, window, addr, late{hosts[0], r.shake(ctx, addr, hosts[0])}) {
			return
		}
		hosts = hosts[1:]
	}
	behind := r.probeEach(ctx, addr, hosts)
	for len(behind) > 0 && r.retry(ctx, window, addr, behind[0]) {
		var rest []string // hosts is shared with other addresses
		for _, other := range behind[1:] {
			rest = append(rest, other.host)
		}
		behind = r.probeEach(ctx, addr, rest)
	}
}

// late is a host whose certificate may still arrive, and the last result.
type late struct {
	host string
	last seen
}

// probeEach verifies each host once, and returns those that may still succeed.
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

// retry verifies a host until it shows the certificate or window ends, and records the result.
func (r *run) retry(ctx, window context.Context, addr string, of late) bool {
	host, last := of.host, of.last
	for pause := firstRetryDelay; isLag(last.cause) && sleep(window, pause) && r.retries.Allow(); pause = min(2*pause, maxRetryDelay) {
		last = r.shake(ctx, addr, host)
	}
	r.record(host, last)
	return last.cause == ""
}

// sleep reports whether pause passed before ctx was done.
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

// record adds the result for one host. Of several problems, the one whose text sorts first is used, so that status does not
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

// problemOf returns what an error means at a gateway, in a text that does not change between attempts.
func problemOf(err error) (Cause, string) {
	var failed *handshake.Error
	if !errors.As(err, &failed) {
		return Failed, "the handshake failed"
	}
	switch failed.Cause {
	case NotTLS:
		return NotTLS, "the port does not speak TLS; check the gateway's TLS address and that ssl.enable is true"
	case NoCertificate:
		if failed.Alert != 0 {
			return NoCertificate, fmt.Sprintf("the gateway closed the handshake with alert %d; it has no usable certificate for this name", failed.Alert)
		}
		return NoCertificate, "the gateway closed the handshake; it has no usable certificate for this name"
	case Unreachable:
		return Unreachable, "the gateway's TLS port cannot be reached"
	}
	return failed.Cause, failed.Error()
}
