// SPDX-License-Identifier: Apache-2.0

// Package drift looks after what is at the gateways, for all certificates together. Every resync period it lists the ssl
// objects of each gateway once, and has those certificates looked at whose objects are missing or differ, the most urgent
// first. In between it makes a handshake for one certificate after the other, each once a period, so that a gateway that lost
// its store is noticed long before the next list. Each gateway is on its own: one that hangs holds up no other.
//
//	mgr.Add(&drift.Watch{...})
package drift

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/shard"
)

const (
	// tick is how often it is looked whether there is something to do.
	tick = 100 * time.Millisecond
	// doubtPause is how long after one comparison a doubt may lead to the next.
	invalidatedPause = 2 * time.Second
	// overduePause is how often deadlines that were missed are looked for.
	overduePause = 10 * time.Second
)

// Certificates are what the watch is for.
type Certificates interface {
	// Drifted reports whether a gateway needs a write for the certificate, and what is otherwise there.
	Drifted(ctx context.Context, cert *v1alpha1.ApisixCertificate) (metrics.Drift, bool)
	// ForceVerify makes the next run verify again what is served.
	ForceVerify(cert types.NamespacedName)
	// Missed reports whether a deadline of the certificate has passed that no run has seen.
	Missed(cert *v1alpha1.ApisixCertificate, now time.Time) bool
}

// Watch looks after the gateways. All fields but Shard and Resync are required.
type Watch struct {
	Reader       client.Reader // the cache
	Certificates Certificates
	// Known gives all ApisixCertificates of the cache, which nobody may change.
	Known func() []*v1alpha1.ApisixCertificate
	// Gateways gives the gateways of an ingress class.
	Gateways func(ingressClass string) []*gateway.Gateway
	// Found gets the certificates to be looked at.
	Found chan<- event.GenericEvent
	Clock clock.Clock
	Shard *shard.Shard
	// Resync is how often all gateways are compared with all certificates. Zero: gateway.DefaultResync.
	Resync time.Duration

	round    round
	deadline deadlines
	passing  atomic.Bool
}

// deadlines are when what is done next.
type deadlines struct {
	pass, overdue, probe time.Time
	passed               time.Time // when the last pass was
}

// Start runs until ctx ends, on the leader.
func (w *Watch) Start(ctx context.Context) error {
	w.deadline.pass = w.Clock.Now().Add(w.period())
	wait.UntilWithContext(ctx, w.step, tick)
	return nil
}

func (w *Watch) resync() time.Duration { return cmp.Or(w.Resync, gateway.DefaultResync) }

func (w *Watch) period() time.Duration { return wait.Jitter(w.resync()*9/10, 0.2) }

func (w *Watch) step(ctx context.Context) {
	now := w.Clock.Now()
	if !now.Before(w.deadline.overdue) {
		w.deadline.overdue = now.Add(overduePause)
		w.enqueueMissed(ctx)
	}
	passing := w.passing.Load()
	switch {
	case !passing && !now.Before(w.deadline.pass):
		w.beginPass(ctx, w.resync()/2)
	case !passing && now.Sub(w.deadline.passed) >= invalidatedPause && w.round.invalidated(): // a doubt is told once, and kept until then
		w.beginPass(ctx, gateway.RereadAge)
	case !now.Before(w.deadline.probe):
		w.deadline.probe = now.Add(w.probe(ctx))
	}
}

// certificates are all that may be served, those that end first at the beginning.
func (w *Watch) certificates(ctx context.Context) ([]*v1alpha1.ApisixCertificate, error) {
	var all []*v1alpha1.ApisixCertificate
	for _, c := range w.Known() {
		ours, err := w.Shard.Has(ctx, c.Namespace)
		if err != nil {
			return nil, err
		}
		if ours && c.DeletionTimestamp.IsZero() && c.Status.Issued.Fingerprint != "" && c.Status.Issued.NotAfter != nil {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.ApisixCertificate) int {
		return cmp.Or(a.Status.Issued.NotAfter.Time.Compare(b.Status.Issued.NotAfter.Time), cmp.Compare(a.UID, b.UID))
	})
	return all, nil
}

// gatewaysOf are those of all certificates.
func (w *Watch) gatewaysOf(all []*v1alpha1.ApisixCertificate) []*gateway.Gateway {
	var found []*gateway.Gateway
	classes := map[string]bool{}
	for _, c := range all {
		key := class.Of(c)
		if classes[key] {
			continue
		}
		classes[key] = true
		for _, g := range w.Gateways(key) {
			if !slices.Contains(found, g) {
				found = append(found, g)
			}
		}
	}
	return found
}

// beginPass compares all certificates with lists no older than age, beside what else is done.
func (w *Watch) beginPass(ctx context.Context, age time.Duration) {
	w.passing.Store(true)
	now := w.Clock.Now()
	w.deadline.passed, w.deadline.pass = now, now.Add(w.period())
	go func() {
		defer w.passing.Store(false)
		w.pass(ctx, age)
	}()
}

// sharing are the certificates that have the same gateways.
type certificateGroup struct {
	certs   []*v1alpha1.ApisixCertificate
	missing int // how many of the gateways have not been listed yet
}

// pass compares certificates as soon as all of their gateways have been listed, so that one that hangs holds up no other.
func (w *Watch) pass(ctx context.Context, age time.Duration) {
	all, err := w.certificates(ctx)
	if err != nil {
		return // the cache is closing
	}
	byClass := map[string]*certificateGroup{}
	at := map[*gateway.Gateway][]*certificateGroup{}
	for _, c := range all {
		key := class.Of(c)
		if byClass[key] == nil {
			byClass[key] = &certificateGroup{}
			for _, g := range w.Gateways(key) {
				byClass[key].missing++
				at[g] = append(at[g], byClass[key])
			}
		}
		byClass[key].certs = append(byClass[key].certs, c)
	}
	count := 0
	for g := range w.list(ctx, slices.Collect(maps.Keys(at)), age) {
		for _, group := range at[g] {
			if group.missing--; group.missing == 0 {
				count += w.compare(ctx, group.certs)
			}
		}
	}
	if count > 0 {
		ctrl.LoggerFrom(ctx).Info("ssl objects are missing or differ and are written again", "certificates", count)
	}
}

// list lists the ssl objects of all gateways at once, and gives each once it has answered, if by an error.
func (w *Watch) list(ctx context.Context, gateways []*gateway.Gateway, age time.Duration) <-chan *gateway.Gateway {
	listed := make(chan *gateway.Gateway, len(gateways))
	var group sync.WaitGroup
	for _, g := range gateways {
		group.Go(func() {
			if mode, err := g.FindMode(ctx); err == nil && mode != gateway.ModeSecret { // runs tell what is wrong with a gateway
				if err := g.Reread(ctx, age); err != nil {
					ctrl.LoggerFrom(ctx).V(1).Info("cannot list ssl objects", "gateway", g.Name, "error", err.Error())
				}
			}
			listed <- g
		})
	}
	go func() {
		group.Wait()
		close(listed)
	}()
	return listed
}

// compare enqueues those of the certificates that a gateway needs a write for, and counts them.
func (w *Watch) compare(ctx context.Context, certs []*v1alpha1.ApisixCertificate) (count int) {
	for _, c := range certs {
		if what, drifted := w.Certificates.Drifted(ctx, c); drifted {
			metrics.Drifted(what)
			count++
			w.enqueue(ctx, c)
		}
	}
	return count
}

// enqueueMissed looks at the clock for all certificates. The queue counts the time that passes, and a clock that was set,
// or a machine that slept, brings deadlines nearer without it.
func (w *Watch) enqueueMissed(ctx context.Context) {
	all, err := w.certificates(ctx)
	if err != nil {
		return // the cache is closing
	}
	count := 0
	for _, c := range all {
		if w.Certificates.Missed(c, w.Clock.Now()) {
			count++
			w.enqueue(ctx, c)
		}
	}
	if count > 0 {
		ctrl.LoggerFrom(ctx).V(1).Info("deadlines have passed unnoticed", "certificates", count)
	}
}

func (w *Watch) enqueue(ctx context.Context, c *v1alpha1.ApisixCertificate) {
	w.Certificates.ForceVerify(client.ObjectKeyFromObject(c))
	select {
	case w.Found <- event.GenericEvent{Object: c}:
	case <-ctx.Done():
	}
}
