// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"cmp"
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/metrics"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

const (
	// driftTick is how often drift looks whether there is something to do.
	driftTick = 100 * time.Millisecond
	// doubtPause is how long after one comparison a doubt may lead to the next.
	doubtPause = 2 * time.Second
	// probePause is the longest time between two proofs: so soon a gateway that lost everything is noticed.
	probePause = 5 * time.Second
)

// drift looks after what is at the gateways for all certificates together. Every resync period it lists the ssl objects
// of each gateway once, and enqueues the certificates whose objects are missing or differ, the most urgent first. In
// between it proves one host after the other, each certificate once a period, so that a gateway that lost its store is
// noticed long before the next list.
type drift struct {
	*Reconciler
	found chan event.GenericEvent

	nextPass, lastPass time.Time
	nextOverdue        time.Time
	gateways           []*gateway.Gateway // seen in the last round
	round              []client.ObjectKey // still to be proven in this round
	rounds             int
	nextProbe          time.Time
	probePause         time.Duration
}

func newDrift(r *Reconciler) *drift {
	return &drift{Reconciler: r, found: make(chan event.GenericEvent)}
}

// Start runs until ctx ends, on the leader.
func (d *drift) Start(ctx context.Context) error {
	d.nextPass = d.Clock.Now().Add(d.period())
	wait.UntilWithContext(ctx, d.step, driftTick)
	return nil
}

func (d *drift) period() time.Duration {
	return wait.Jitter(cmp.Or(d.Resync, gateway.DefaultResync)*9/10, 0.2)
}

func (d *drift) step(ctx context.Context) {
	now := d.Clock.Now()
	if !now.Before(d.nextOverdue) {
		d.nextOverdue = now.Add(overduePause)
		d.enqueueOverdue(ctx)
	}
	switch {
	case !now.Before(d.nextPass):
		d.pass(ctx, cmp.Or(d.Resync, gateway.DefaultResync)/2)
	case now.Sub(d.lastPass) >= doubtPause && d.doubted():
		d.pass(ctx, gateway.RereadAge)
	case !now.Before(d.nextProbe):
		if len(d.round) == 0 {
			d.newRound(ctx)
		}
		d.nextProbe = now.Add(d.probePause)
		d.probe(ctx)
	}
}

// certificates are all that may be served, the most urgent first: those known not to be, then those that end first.
func (d *drift) certificates(ctx context.Context) ([]*v1alpha1.ApisixCertificate, error) {
	var all []*v1alpha1.ApisixCertificate
	for _, c := range d.Known() {
		ours, err := d.Shard.Has(ctx, c.Namespace)
		if err != nil {
			return nil, err
		}
		if ours && c.DeletionTimestamp.IsZero() && c.Status.Issued.Fingerprint != "" {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.ApisixCertificate) int {
		if x, y := unserved(a), unserved(b); x != y {
			return map[bool]int{true: -1, false: 1}[x]
		}
		return cmp.Or(a.Status.Issued.NotAfter.Time.Compare(b.Status.Issued.NotAfter.Time), cmp.Compare(a.UID, b.UID))
	})
	return all, nil
}

func unserved(c *v1alpha1.ApisixCertificate) bool {
	return meta.IsStatusConditionFalse(c.Status.Conditions, v1alpha1.ConditionServed)
}

// doubted tells whether something at any gateway was not as it was known.
func (d *drift) doubted() bool {
	doubted := false
	for _, g := range d.gateways {
		doubted = g.Doubted() || doubted
	}
	return doubted
}

// gatewaysOf are those of all certificates.
func (d *drift) gatewaysOf(all []*v1alpha1.ApisixCertificate) []*gateway.Gateway {
	var found []*gateway.Gateway
	classes := map[string]bool{}
	for _, c := range all {
		class := c.Spec.IngressClassName
		if classes[class] {
			continue
		}
		classes[class] = true
		for _, g := range d.Gateways(class) {
			if !slices.Contains(found, g) {
				found = append(found, g)
			}
		}
	}
	return found
}

// pass compares all certificates with lists no older than age.
func (d *drift) pass(ctx context.Context, age time.Duration) {
	now := d.Clock.Now()
	d.lastPass, d.nextPass = now, now.Add(d.period())
	all, err := d.certificates(ctx)
	if err != nil {
		return // the cache is closing
	}
	for _, g := range d.gatewaysOf(all) {
		if mode, err := g.FindMode(ctx); err != nil || mode == gateway.Secret {
			continue // reconciles tell what is wrong with a gateway
		}
		if err := g.Reread(ctx, age); err != nil {
			ctrl.LoggerFrom(ctx).V(1).Info("cannot list ssl objects", "gateway", g.Name, "error", err.Error())
		}
	}
	count := 0
	for _, c := range all {
		if d.drifted(ctx, c) {
			count++
			d.enqueue(ctx, c)
		}
	}
	if count > 0 {
		ctrl.LoggerFrom(ctx).Info("ssl objects are missing or differ and are written again", "certificates", count)
	}
}

// drifted tells whether a gateway needs a write for the certificate. What cannot be told is left to a reconcile.
func (d *drift) drifted(ctx context.Context, c *v1alpha1.ApisixCertificate) bool {
	o, err := d.observe(ctx, c)
	if err != nil {
		return true
	}
	p := decide(o, d.Clock.Now())
	t := o.target(p.decision)
	if !p.usable(d.Clock.Now()) || !o.right.MayPush() || len(t.Hosts) == 0 || o.unfit != nil || o.noKeyPlace != nil {
		return false
	}
	for _, g := range o.gateways {
		state, err := g.Observe(ctx, t)
		if err != nil {
			continue
		}
		switch g.Plan(state, t).Verb {
		case gateway.Put, gateway.Patch, gateway.Make, gateway.Renew:
			metrics.Drifted(driftOf(state))
			return true
		}
	}
	return false
}

// newRound begins to prove all certificates anew, spread over the period.
func (d *drift) newRound(ctx context.Context) {
	d.probePause = probePause
	all, err := d.certificates(ctx)
	if err != nil || len(all) == 0 {
		return
	}
	d.gateways = d.gatewaysOf(all)
	d.rounds++
	for _, c := range all {
		d.round = append(d.round, client.ObjectKeyFromObject(c))
	}
	d.probePause = min(d.period()/time.Duration(len(all)), probePause)
}

// probe proves a host of the next certificate. A failure casts doubt on all that the gateway has. Certificates that are
// known not to be served are proven by their own reconciles.
func (d *drift) probe(ctx context.Context) {
	c := &v1alpha1.ApisixCertificate{}
	for len(d.round) > 0 && (len(c.Spec.DNSNames) == 0 || !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionServed)) {
		*c = v1alpha1.ApisixCertificate{}
		if err := d.Get(ctx, d.round[0], c); client.IgnoreNotFound(err) != nil {
			return
		}
		d.round = d.round[1:]
	}
	if !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionServed) || len(c.Spec.DNSNames) == 0 {
		return
	}
	host := c.Spec.DNSNames[d.rounds%len(c.Spec.DNSNames)]
	for _, g := range d.Gateways(c.Spec.IngressClassName) {
		proof := g.Prove(ctx, []string{host}, c.Status.Issued.Fingerprint)
		if !proof.Asked || proof.Served || ctx.Err() != nil {
			continue
		}
		metrics.Drifted(metrics.NotServed)
		if proof.Mendable() {
			g.Doubt()
		}
		d.enqueue(ctx, c)
	}
}

func (d *drift) enqueue(ctx context.Context, c *v1alpha1.ApisixCertificate) {
	d.Suspect(client.ObjectKeyFromObject(c))
	select {
	case d.found <- event.GenericEvent{Object: c}:
	case <-ctx.Done():
	}
}
