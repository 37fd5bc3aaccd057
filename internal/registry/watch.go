// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Followed is a watched object: one Secret or Service, or the EndpointSlices of one Service.
type Followed struct {
	Kind            string // Secret, Service or EndpointSlice
	Namespace, Name string
}

func (f Followed) String() string { return f.Kind + " " + f.Namespace + "/" + f.Name }

// Follower watches and reads single objects.
type Follower interface {
	// Follow returns a reader of the object for the gateway called owner.
	Follow(ctx context.Context, owner string, what Followed) (client.Reader, error)
	// Prune stops watches of owner that are not needed any more.
	Prune(owner string, needed []Followed)
}

// The kinds of Followed.
const (
	kindSecret        = "Secret"
	kindService       = "Service"
	kindEndpointSlice = "EndpointSlice"
)

// Watches watches single objects with a small cache for each, so that not all Secrets and EndpointSlices of a cluster are
// cached and watched. All fields are required.
type Watches struct {
	// Context stops the watches.
	Context  context.Context
	NewCache func(cache.Options) (cache.Cache, error)
	// Changed is called with each owner of an object that was created, changed or deleted.
	Changed func(owner string)

	mu  sync.Mutex
	all map[Followed]*watch
}

// watch is one small cache.
type watch struct {
	cache.Cache
	informer cache.Informer
	cancel   context.CancelFunc
	owners   []string // guarded by Watches.mu
	first    sync.Once
	late     atomic.Bool // a caller got an error before the first list was complete
}

// firstSync is how long the first reader of a watch waits for it. Later readers do not wait, as the first event notifies
// the owners.
const firstSync = 5 * time.Second

// Follow returns a reader of the object for an owner. The error means that the object cannot be watched (yet). A missing
// object is not an error of Follow.
func (w *Watches) Follow(ctx context.Context, owner string, what Followed) (client.Reader, error) {
	one, err := w.get(owner, what)
	if err != nil {
		return nil, err
	}
	one.first.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, firstSync)
		defer cancel()
		one.late.Store(!one.WaitForCacheSync(ctx))
	})
	if !one.informer.HasSynced() {
		return nil, fmt.Errorf("%s cannot be watched; check the controller's log for the error of the Kubernetes API", what)
	}
	return one, nil
}

// Prune stops watches of owner that are not needed any more.
func (w *Watches) Prune(owner string, needed []Followed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for what, one := range w.all {
		if slices.Contains(needed, what) {
			continue
		}
		one.owners = slices.DeleteFunc(one.owners, func(o string) bool { return o == owner })
		if len(one.owners) == 0 {
			one.cancel()
			delete(w.all, what)
		}
	}
}

func (w *Watches) get(owner string, what Followed) (*watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.all[what]
	if one == nil {
		var err error
		if one, err = w.start(what); err != nil {
			return nil, fmt.Errorf("watch %s: %w", what, err)
		}
		if w.all == nil {
			w.all = map[Followed]*watch{}
		}
		w.all[what] = one
	}
	if !slices.Contains(one.owners, owner) {
		one.owners = append(one.owners, owner)
	}
	return one, nil
}

func (w *Watches) start(what Followed) (*watch, error) {
	object, selector := what.selector()
	small, err := w.NewCache(cache.Options{
		ByObject: map[client.Object]cache.ByObject{object: {Namespaces: map[string]cache.Config{what.Namespace: selector}}},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(w.Context)
	one := &watch{Cache: small, cancel: cancel}
	if one.informer, err = small.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err == nil {
		_, err = one.informer.AddEventHandler(w.events(what, one))
	}
	if err != nil {
		cancel()
		return nil, err
	}
	go func() { _ = small.Start(ctx) }() // returns when ctx is done, without an error
	return one, nil
}

// selector returns the type of the object, and the selector for the API server.
func (f Followed) selector() (client.Object, cache.Config) {
	byName := cache.Config{FieldSelector: fields.OneTermEqualSelector("metadata.name", f.Name)}
	switch f.Kind {
	case kindSecret:
		return &corev1.Secret{}, byName
	case kindService:
		return &corev1.Service{}, byName
	}
	return &discoveryv1.EndpointSlice{}, cache.Config{LabelSelector: labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: f.Name})}
}

// events forwards changes. It ignores what a watch repeats after a reconnect, and the first list, which the first reader
// has waited for.
func (w *Watches) events(what Followed, one *watch) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(_ any, first bool) {
			if !first || one.late.Load() {
				w.notify(what)
			}
		},
		UpdateFunc: func(before, after any) {
			if before.(client.Object).GetResourceVersion() != after.(client.Object).GetResourceVersion() {
				w.notify(what)
			}
		},
		DeleteFunc: func(any) { w.notify(what) },
	}
}

func (w *Watches) notify(what Followed) {
	w.mu.Lock()
	var owners []string
	if one := w.all[what]; one != nil {
		owners = slices.Clone(one.owners)
	}
	w.mu.Unlock()
	for _, owner := range owners {
		w.Changed(owner)
	}
}
