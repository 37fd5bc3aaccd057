// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// create makes all ApisixTlses, from the first until the last certificate is Ready and served.
func (w *world) create(ctx context.Context) ([]row, error) {
	if err := w.awaitIssuer(ctx); err != nil {
		return nil, err
	}
	before := w.certs.now()
	return w.timed(ctx, "create", func(ctx context.Context) (time.Time, error) {
		err := w.parallel(ctx, "ApisixTlses", w.n, w.options.workers, func(ctx context.Context, i int) error { return w.client.Create(ctx, tlsOf(i)) })
		if err != nil {
			return time.Time{}, err
		}
		return w.awaitGood(ctx, "create", before)
	})
}

// renew asks for a renewal of all certificates at once.
func (w *world) renew(ctx context.Context) ([]row, error) {
	before := w.certs.now()
	return w.timed(ctx, "renew", func(ctx context.Context) (time.Time, error) {
		err := w.parallel(ctx, "orders to renew", w.n, w.options.workers, func(ctx context.Context, i int) error { return w.orderRenewal(ctx, i) })
		if err != nil {
			return time.Time{}, err
		}
		return w.awaitGood(ctx, "renew", before)
	})
}

// orderRenewal does what the command renew does. The certificate must have been issued in a second before this one.
func (w *world) orderRenewal(ctx context.Context, i int) error {
	cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: secretNameOf(i)}}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339))
	return w.client.Patch(ctx, cert, client.RawPatch("application/merge-patch+json", patch))
}

// timed runs a scenario that ends at a moment, checks by handshakes what it did, and counts once the controller is at
// rest.
func (w *world) timed(ctx context.Context, name string, do func(context.Context) (time.Time, error)) ([]row, error) {
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	before, err := w.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := resetPeak(w.controller.PID()); err != nil {
		return nil, err
	}
	began := time.Now()
	ended, err := do(ctx)
	if err != nil {
		return nil, err
	}
	r, err := w.result(ctx, name, w.n, ended.Sub(began), before)
	if err != nil {
		return nil, err
	}
	return []row{r}, w.checkServed(ctx)
}

func (w *world) result(ctx context.Context, name string, certs int, took time.Duration, before counts) (r row, err error) {
	if err := w.settle(ctx); err != nil {
		return r, err
	}
	after, err := w.count(ctx)
	if err != nil {
		return r, err
	}
	r = w.spent(name, certs, took, before, after)
	mib, err := peak(w.controller.PID())
	r.PeakRSSMiB = round(mib)
	return r, err
}

// restart ends the controller as a Pod is ended and starts it again, until it leads and has nothing left to do.
func (w *world) restart(ctx context.Context) ([]row, error) {
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	before, err := w.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.controller.Stop(); err != nil {
		return nil, err
	}
	delete(before.cpu, controllerName) // the new process begins at 0
	clear(before.runs)
	began := time.Now()
	if err := w.startController(ctx); err != nil {
		return nil, err
	}
	idle, err := w.awaitIdle(ctx, w.n)
	if err != nil {
		return nil, err
	}
	r, err := w.result(ctx, "restart", w.n, idle.Sub(began), before)
	if err != nil {
		return nil, err
	}
	return []row{r}, w.checkServed(ctx)
}

// wipe empties the gateway, until every host is served again.
func (w *world) wipe(ctx context.Context) ([]row, error) {
	now := w.certs.now()
	return w.timed(ctx, "wipe", func(ctx context.Context) (time.Time, error) {
		if err := w.emptyGateway(ctx); err != nil {
			return time.Time{}, err
		}
		err := w.awaitServed(ctx, "wipe", now)
		return time.Now(), err
	})
}

// single renews one certificate after the other while the others stand.
func (w *world) single(ctx context.Context) ([]row, error) {
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	before, err := w.count(ctx)
	if err != nil {
		return nil, err
	}
	if err := resetPeak(w.controller.PID()); err != nil {
		return nil, err
	}
	var took []time.Duration
	sum := time.Duration(0)
	for round := range w.options.rounds {
		d, err := w.renewOne(ctx, (round*7919)%w.n) // all over them, by a prime
		if err != nil {
			return nil, err
		}
		took, sum = append(took, d), sum+d
	}
	slices.Sort(took)
	r, err := w.result(ctx, "single_p50", len(took), sum, before)
	if err != nil {
		return nil, err
	}
	half, most := r, r
	half.Seconds = round(took[len(took)/2].Seconds())
	most.Scenario, most.Seconds, most.cpu = "single_p99", round(took[len(took)*99/100].Seconds()), nil
	return []row{half, most}, nil
}

// renewOne gives the time from the order to renew to the handshake that shows the new certificate.
func (w *world) renewOne(ctx context.Context, i int) (time.Duration, error) {
	if pause := time.Until(w.certs.of(hostOf(i)).since.Add(time.Second)); pause > 0 {
		time.Sleep(pause)
	}
	old, began := w.served(ctx, hostOf(i)), time.Now()
	if err := w.orderRenewal(ctx, i); err != nil {
		return 0, err
	}
	err := wait.PollUntilContextTimeout(ctx, 2*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		shown := w.served(ctx, hostOf(i))
		return shown != "" && shown != old, w.alive()
	})
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("%s is not renewed: %w", hostOf(i), err)
	}
	return took, wait.PollUntilContextTimeout(ctx, 5*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		now := w.certs.of(hostOf(i))
		return now.good && now.serial != old, w.alive()
	})
}
