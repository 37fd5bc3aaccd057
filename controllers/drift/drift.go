// SPDX-License-Identifier: Apache-2.0

// Package drift compares the gateways with all certificates in the background. Every resync period it lists the ssl objects
// of each gateway once, and enqueues the certificates whose objects are missing or differ, the most urgent first. In
// between it makes a handshake for one certificate after the other, each once a period, so that a gateway that has lost its
// store is noticed long before the next list. A gateway that hangs delays no other.
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
	// tick is how often deadlines are checked.
	tick = 100 * time.Millisecond
	// invalidatedPause is the minimum time between a comparison and one caused by an invalidated inventory.
	invalidatedPause = 2 * time.Second
	// overduePause is how often missed deadlines are checked.
	overduePause = 10 * time.Second
)

// Certificates is the reconciler of ApisixCertificates.
type Certificates interface {
	// Drifted reports whether a gateway needs a write for the certificate, and what was found there.
	Drifted(ctx context.Context, cert *v1alpha1.ApisixCertificate) (metrics.Drift, bool)
	// ForceVerify makes the next run verify again what is served.
	ForceVerify(cert types.NamespacedName)
	// MissedDeadline reports whether a deadline of the certificate has passed that no run has seen.
	MissedDeadline(cert *v1alpha1.ApisixCertificate, now time.Time) bool
}

// Watch compares the gateways with all certificates. All fields except Shard and Resync are required.
type Watch struct {
	Reader       client.Reader // the cache
	Certificates Certificates
	// Known returns all ApisixCertificates of the cache, which must not be changed.
	Known func() []*v1alpha1.ApisixCertificate
	// Gateways returns the gateways of an ingress class.
	Gateways func(ingressClass string) []*gateway.Gateway
	// Found receives the certificates to reconcile.
	Found chan<- event.GenericEvent
	Clock clock.Clock
	Shard *shard.Shard
	// Resync is how often all gateways are compared with all certificates. Zero means gateway.DefaultResync.
	Resync time.Duration

	round    round
	deadline deadlines
	passing  atomic.Bool
}

// deadlines are the times of the next steps.
type deadlines struct {
	pass, overdue, probe time.Time
	passed               time.Time // time of the last pass
}

// Start runs until ctx is done, on the leader.
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
	case !passing && now.Sub(w.deadline.passed) >= invalidatedPause && w.round.invalidated(): // reported once, and pending until then
		w.beginPass(ctx, gateway.RereadAge)
	case !now.Before(w.deadline.probe):
		w.deadline.probe = now.Add(w.probe(ctx))
	}
}

// certificates returns all certificates that may be served, sorted by expiry.
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

// gatewaysOf returns the gateways of all certificates.
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

// beginPass starts a comparison of all certificates with lists no older than age, in the background.
func (w *Watch) beginPass(ctx context.Context, age time.Duration) {
	w.passing.Store(true)
	now := w.Clock.Now()
	w.deadline.passed, w.deadline.pass = now, now.Add(w.period())
	go func() {
		defer w.passing.Store(false)
		w.pass(ctx, age)
	}()
}

// certificateGroup has the certificates of the same gateways.
type certificateGroup struct {
	certs   []*v1alpha1.ApisixCertificate
	missing int // how many of the gateways have not been listed yet
}

// pass compares certificates as soon as all of their gateways have been listed, so that a gateway that hangs delays no
// other.
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
		ctrl.LoggerFrom(ctx).Info("ssl objects are missing or differ and are being written again", "certificates", count)
	}
}

// list lists the ssl objects of all gateways concurrently, and sends each gateway once it has responded, even with an
// error.
func (w *Watch) list(ctx context.Context, gateways []*gateway.Gateway, age time.Duration) <-chan *gateway.Gateway {
	listed := make(chan *gateway.Gateway, len(gateways))
	var group sync.WaitGroup
	for _, g := range gateways {
		group.Go(func() {
			if mode, err := g.FindMode(ctx); err == nil && mode != gateway.ModeSecret { // problems of a gateway are reported by reconciliations
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

// compare enqueues the certificates for which a gateway needs a write, and counts them.
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

// enqueueMissed compares the deadlines of all certificates with the clock. The queue measures elapsed time, and does not
// notice that the clock was set or the machine was suspended.
func (w *Watch) enqueueMissed(ctx context.Context) {
	all, err := w.certificates(ctx)
	if err != nil {
		return // the cache is closing
	}
	count := 0
	for _, c := range all {
		if w.Certificates.MissedDeadline(c, w.Clock.Now()) {
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
