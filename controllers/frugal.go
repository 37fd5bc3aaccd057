// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/recorder"
)

// frugal is a manager that spends less on thousands of certificates: few Normal events in a burst, and small indexes.
type frugal struct {
	ctrl.Manager
	clock   clock.PassiveClock
	limit   *rate.Limiter
	buckets *buckets
}

func newFrugal(mgr ctrl.Manager) ctrl.Manager {
	return &frugal{
		Manager: mgr, clock: clock.RealClock{}, limit: rate.NewLimiter(eventsASecond, eventBurst),
		buckets: &buckets{cache: mgr.GetCache(), scheme: mgr.GetScheme(), values: map[schema.GroupVersionKind]map[string]client.IndexerFunc{}},
	}
}

// GetEventRecorder gives a recorder that shares the limit on Normal events.
func (f *frugal) GetEventRecorder(name string) recorder.EventRecorder {
	return &quietRecorder{f.Manager.GetEventRecorder(name), f.clock, f.limit}
}

// GetFieldIndexer gives an indexer for lists over all namespaces. See buckets.
func (f *frugal) GetFieldIndexer() client.FieldIndexer { return f.buckets }

// GetClient gives a client for such lists.
func (f *frugal) GetClient() client.Client { return &bucketClient{f.Manager.GetClient(), f.buckets} }

// stores are the stores behind the caches of a manager, by type: one for each namespace where the caches have namespaces.
type stores struct {
	mu  sync.Mutex
	all map[reflect.Type][]toolscache.Store
}

// newInformer makes an informer as a cache does by itself, and keeps its store.
func (s *stores) newInformer(from toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	informer := toolscache.NewSharedIndexInformer(from, object, resync, indexers)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[reflect.Type][]toolscache.Store{}
	}
	s.all[reflect.TypeOf(object)] = append(s.all[reflect.TypeOf(object)], informer.GetStore())
	return informer
}

func (s *stores) of(object client.Object) []toolscache.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all[reflect.TypeOf(object)])
}

// stored gives the objects of a kind that a cache has, without the copies of a list.
func stored[T client.Object](ctx context.Context, c cache.Cache, stores *stores, object T) (func() []T, error) {
	if _, err := c.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
		return nil, fmt.Errorf("cache of %T: %w", object, err)
	}
	of := stores.of(object)
	return func() []T {
		var all []T
		for _, store := range of {
			for _, o := range store.List() {
				if object, ok := o.(T); ok {
					all = append(all, object)
				}
			}
		}
		return all
	}, nil
}
