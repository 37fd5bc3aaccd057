// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"golang.org/x/time/rate"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/recorder"
)

// frugal is a manager that spends less on thousands of certificates: few Normal events in a burst, and indexes of half the
// size.
type frugal struct {
	ctrl.Manager
	clock clock.PassiveClock
	limit *rate.Limiter
}

func newFrugal(mgr ctrl.Manager) ctrl.Manager {
	return &frugal{Manager: mgr, clock: clock.RealClock{}, limit: rate.NewLimiter(eventsASecond, eventBurst)}
}

// GetEventRecorder gives a recorder that shares the limit on Normal events.
func (f *frugal) GetEventRecorder(name string) recorder.EventRecorder {
	return &quietRecorder{f.Manager.GetEventRecorder(name), f.clock, f.limit}
}

// GetFieldIndexer gives an indexer for lists over all namespaces. See wideIndexer.
func (f *frugal) GetFieldIndexer() client.FieldIndexer { return wideIndexer{f.GetCache()} }

// wideIndexer makes indexes for lists by field over all namespaces. That of controller-runtime has each value a second time
// for lists within a namespace, which the values here, names with their namespace and unique ids, do not need; with ten
// thousand certificates these halves are a sixth of the memory. A list by field within a namespace finds nothing.
type wideIndexer struct{ cache cache.Cache }

// IndexField adds an index. The names of the index and of its values are those by which controller-runtime's cache looks.
func (w wideIndexer) IndexField(ctx context.Context, object client.Object, field string, values client.IndexerFunc) error {
	informer, err := w.cache.GetInformer(ctx, object, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	return informer.AddIndexers(toolscache.Indexers{"field:" + field: func(object any) ([]string, error) {
		o, ok := object.(client.Object)
		if !ok {
			return nil, fmt.Errorf("object of type %T in a cache", object)
		}
		var keys []string
		for _, value := range values(o) {
			keys = append(keys, "__all_namespaces/"+value)
		}
		return keys, nil
	}})
}
