// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
)

// standing is how an ApisixCertificate stands.
type standing struct {
	serial string
	good   bool      // Ready and Served
	since  time.Time // when that was seen
}

// certificates follows all ApisixCertificates by one watch.
type certificates struct {
	stop context.CancelFunc

	mu     sync.Mutex
	byHost map[string]standing
	latest time.Time // of the last change
}

func (w *world) followCertificates(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	w.certs = &certificates{stop: cancel, byHost: map[string]standing{}}
	all, err := cache.New(w.config, cache.Options{Scheme: controllers.Scheme(), DefaultTransform: cache.TransformStripManagedFields()})
	if err != nil {
		return err
	}
	informer, err := all.GetInformer(ctx, &v1alpha1.ApisixCertificate{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: w.certs.see, UpdateFunc: func(_, now any) { w.certs.see(now) },
	})
	go func() { _ = all.Start(ctx) }() // it ends with ctx
	return err
}

func (c *certificates) see(object any) {
	cert, ok := object.(*v1alpha1.ApisixCertificate)
	if !ok || len(cert.Spec.DNSNames) == 0 {
		return
	}
	conditions := cert.Status.Conditions
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = time.Now()
	c.byHost[cert.Spec.DNSNames[0]] = standing{
		since:  c.latest,
		serial: cert.Status.Issued.SerialNumber,
		good:   meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) && meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionServed),
	}
}

// now is how all stand.
func (c *certificates) now() map[string]standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.byHost)
}

// of is how the certificate of a host stands.
func (c *certificates) of(host string) standing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byHost[host]
}

// good is how many are good with another serial than before.
func (c *certificates) good(before map[string]standing) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := 0
	for host, now := range c.byHost {
		if now.good && now.serial != before[host].serial {
			count++
		}
	}
	return count
}

// awaitGood waits until all certificates are good with another serial than before, and returns when the last one was.
func (w *world) awaitGood(ctx context.Context, what string, before map[string]standing) (time.Time, error) {
	p, good := w.progress(what), 0
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Hour, true, func(context.Context) (bool, error) {
		good = w.certs.good(before)
		p.at(good, w.n)
		return good == w.n, w.alive()
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("%d of %d certificates are Ready and served: %w", good, w.n, err)
	}
	w.certs.mu.Lock()
	defer w.certs.mu.Unlock()
	return w.certs.latest, nil
}
