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

// probePause is the longest time between two handshakes: so soon a gateway that lost everything is noticed.
const probePause = 5 * time.Second

// round is the verification of all certificates, one after the other.
type round struct {
	gateways  []*gateway.Gateway // of the certificates of this round
	remaining []client.ObjectKey // still to be verified
	number    int
	pause     time.Duration
	busy      sync.Map // *gateway.Gateway: a handshake with it is under way
}

// doubted reports whether something at any gateway was not as it was known.
func (r *round) invalidated() bool {
	doubted := false
	for _, g := range r.gateways {
		doubted = g.Invalidated() || doubted
	}
	return doubted
}

// begin begins to verify all certificates anew, spread over the period.
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

// probe makes a handshake for a host of the next certificate with each of its gateways, and gives when to do so again.
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
			continue // it hangs, or lags
		}
		go func() {
			defer w.round.busy.Delete(g)
			w.verify(ctx, g, c, host)
		}()
	}
	return w.round.pause
}

// nextServed is the next certificate of the round that was seen to be served; nil: none is left. Those known not to be are
// verified by their own runs.
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

// served reports whether every gateway that could be asked was seen to serve the certificate of the record.
func served(c *v1alpha1.ApisixCertificate) bool {
	asked := false
	for _, g := range c.Status.Gateways {
		if g.ServedSerial == "" {
			continue
		}
		if g.ServedSerial != c.Status.Issued.SerialNumber {
			return false
		}
		asked = true
	}
	return asked
}

// verify makes one handshake. A failure casts doubt on all that the gateway has.
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
