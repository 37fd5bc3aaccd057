// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"context"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// probePause is the maximum time between two handshakes, within which the loss of a gateway's store is noticed.
const probePause = 5 * time.Second

// round is one verification of all certificates, one after the other.
type round struct {
	gateways  []*gateway.Gateway // of the certificates of this round
	remaining []client.ObjectKey // still to be verified
	number    int
	pause     time.Duration
	busy      sync.Map // *gateway.Gateway: a handshake with it is in progress
}

// invalidated reports whether the inventory of any gateway was invalidated.
func (r *round) invalidated() bool {
	doubted := false
	for _, g := range r.gateways {
		doubted = g.Invalidated() || doubted
	}
	return doubted
}

// beginRound starts a new verification of all certificates, spread over the period.
func (w *Watch) beginRound(ctx context.Context) {
	w.round.pause = probePause
	all, err := w.certificates(ctx)
	if err != nil || len(all) == 0 {
		return
	}
	w.round.gateways = w.gatewaysOf(all)
	w.round.number++
	for _, c := range all {
		w.round.remaining = append(w.round.remaining, client.ObjectKeyFromObject(c))
	}
	w.round.pause = min(w.period()/time.Duration(len(all)), probePause)
}

// probe makes a handshake for a host of the next certificate with each of its gateways, and returns when to do so again.
func (w *Watch) probe(ctx context.Context) time.Duration {
	if len(w.round.remaining) == 0 {
		w.beginRound(ctx)
	}
	c := w.nextServed(ctx)
	if c == nil {
		return w.round.pause
	}
	host := c.Spec.DNSNames[w.round.number%len(c.Spec.DNSNames)]
	for _, g := range w.Gateways(class.Of(c)) {
		if _, busy := w.round.busy.LoadOrStore(g, true); busy {
			continue // its previous handshake is still in progress
		}
		go func() {
			defer w.round.busy.Delete(g)
			w.verify(ctx, g, c, host)
		}()
	}
	return w.round.pause
}

// nextServed returns the next certificate of the round that was seen to be served, or nil. The others are verified by their
// own reconciliations.
func (w *Watch) nextServed(ctx context.Context) *v1alpha1.ApisixCertificate {
	for len(w.round.remaining) > 0 {
		c := &v1alpha1.ApisixCertificate{}
		if err := w.Reader.Get(ctx, w.round.remaining[0], c); client.IgnoreNotFound(err) != nil {
			return nil
		}
		w.round.remaining = w.round.remaining[1:]
		if len(c.Spec.DNSNames) > 0 && served(c) {
			return c
		}
	}
	return nil
}

// served reports whether every gateway with a known TLS address was seen to serve the certificate in status.
func served(c *v1alpha1.ApisixCertificate) bool {
	verified := false
	for _, g := range c.Status.Gateways {
		if g.ServedSerial == "" {
			continue
		}
		if g.ServedSerial != c.Status.Issued.SerialNumber {
			return false
		}
		verified = true
	}
	return verified
}

// verify makes one handshake. A failure may invalidate the gateway's inventory.
func (w *Watch) verify(ctx context.Context, g *gateway.Gateway, c *v1alpha1.ApisixCertificate, host string) {
	proof := g.Prove(ctx, []string{host}, c.Status.Issued.Fingerprint)
	if !proof.Attempted || proof.Served || ctx.Err() != nil {
		return
	}
	metrics.Drifted(metrics.NotServed)
	if proof.Fixable() {
		g.Invalidate()
	}
	w.enqueue(ctx, c)
}
