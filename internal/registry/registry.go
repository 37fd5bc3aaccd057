// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// Registry knows the gateways. A Gateway stays the same one, with its inventory and connections, until its Admin API is
// another: pods behind a Service, TLS addresses and admin keys change without a new one.
type Registry struct {
	// Reader reads IngressClasses and GatewayProxies, from a cache.
	Reader   client.Reader
	Follower Follower
	// Flags describe the gateway of the flags. Nil: there is none.
	Flags *Flags
	// Mode, Cluster and Clock are those of every Gateway.
	Mode    gateway.Mode
	Cluster string
	Clock   clock.Clock
	// TLS is for https endpoints of every gateway. Nil: the system's roots.
	TLS       *tls.Config
	UserAgent string
	Log       logr.Logger
	// Warn, where set, gets what is wrong with a gateway and does not keep it from being used, when that is found.
	Warn func(Warning)

	known known
}

// known is what a Registry has found so far. The zero value is ready.
type known struct {
	proxies atomic.Bool // the cluster has the CRD of GatewayProxy
	// gatewayAPI: the cluster has the CRDs of Gateway and GatewayClass.
	gatewayAPI atomic.Bool
	mu         sync.Mutex
	entries    map[string]*entry
}

// Warning is what is wrong with a gateway and does not keep it from being used.
type Warning struct {
	// Proxy is the GatewayProxy that says so.
	Proxy client.ObjectKey
	// Problem says what is wrong and how to correct it; stable.
	Problem string
}

// entry is one gateway and what it was made of.
type entry struct {
	mu        sync.Mutex // held while the gateway is made or changed
	fresh     atomic.Bool
	ready     atomic.Pointer[gateway.Gateway] // gateway, to be had without mu
	key       atomic.Pointer[apisix.KeySource]
	addresses atomic.Pointer[[]string] // see adminSource.places
	identity  string
	gateway   *gateway.Gateway
}

// readTimeout bounds the reads of one For, which caches answer at once.
const readTimeout = 10 * time.Second

// For returns the gateways of a class (see package class), empty where there are none. One whose settings are at fault is among
// them, and each of its calls returns a *SetupError.
func (r *Registry) For(key string) []*gateway.Gateway {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	chosen, err := r.choose(ctx, key)
	if err != nil {
		return []*gateway.Gateway{r.unusable(chosen.name, err)}
	}
	if chosen.name == "" || chosen.proxy == nil && !r.Flags.gateway() {
		return nil
	}
	return []*gateway.Gateway{r.get(ctx, chosen)}
}

// Named returns the gateway of that name, as status tells it, for what a certificate left behind when its ingress class
// changed. Nil: there is none by the flags, its GatewayProxy is gone and with it the way there, or the name is none of a
// gateway.
func (r *Registry) Named(name string) *gateway.Gateway {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	if name == FlagsName && r.Flags.gateway() {
		return r.get(ctx, choice{name: name})
	}
	namespace, proxy, ok := strings.Cut(name, "/")
	if !ok {
		return nil
	}
	chosen := choice{name: name, proxy: &client.ObjectKey{Namespace: namespace, Name: proxy}}
	var gone *gateway.SetupError
	if _, err := r.newLookup(ctx, name).readProxy(chosen); errors.As(err, &gone) {
		return nil
	}
	return r.get(ctx, chosen)
}

// get returns the gateway chosen, made anew where something changed.
func (r *Registry) get(ctx context.Context, chosen choice) *gateway.Gateway {
	e := r.entry(chosen.name)
	e.mu.Lock()
	defer e.mu.Unlock()
	// Set before the reads: a change that is told meanwhile must make the next look read again.
	if !e.fresh.Swap(true) {
		r.update(ctx, e, chosen)
	}
	return e.gateway
}

// NameFor is the name of the gateway of a class; empty: there is none, or it is not known.
func (r *Registry) NameFor(ctx context.Context, key string) string {
	chosen, err := r.choose(ctx, key)
	if err != nil {
		return ""
	}
	return chosen.name
}

// Changed makes the next For look at the settings of a gateway anew.
func (r *Registry) Invalidate(name string) { r.entry(name).fresh.Store(false) }

// ClassesChanged lets every gateway's mode be found out again, and its settings be read again: an ingress controller, or
// another gateway, may have come or gone.
func (r *Registry) InvalidateAll() {
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for _, e := range r.known.entries {
		if g := e.ready.Load(); g != nil { // not e.gateway: e.mu is held while others are asked
			g.ForgetMode()
		}
		e.fresh.Store(false)
	}
}

// HasProxies is called once the cluster has the CRD of GatewayProxy.
func (r *Registry) EnableGatewayProxies() {
	r.known.proxies.Store(true)
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for _, e := range r.known.entries {
		e.fresh.Store(false)
	}
}

func (r *Registry) entry(name string) *entry {
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	e := r.known.entries[name]
	if e == nil {
		if r.known.entries == nil {
			r.known.entries = map[string]*entry{}
		}
		e = &entry{}
		r.known.entries[name] = e
	}
	return e
}

// choose picks the gateway of a class. The error is a *gateway.SetupError where an IngressClass, a Gateway or a GatewayClass is at
// fault.
func (r *Registry) choose(ctx context.Context, key string) (choice, error) {
	if key == class.None {
		return choice{}, nil
	}
	if gw, ok := class.Gateway(key); ok {
		return r.chooseByGateway(ctx, gw)
	}
	classes, err := listClasses(ctx, r.Reader)
	if err != nil {
		return choice{name: FlagsName}, fmt.Errorf("look for ingress class %q: %w", key, err)
	}
	return chooseClass(classes, key)
}

// controllers reports whether the cluster has an ingress class or a Gateway of an APISIX ingress controller that goes to the gateway
// called name, and whether one of these controllers deletes ssl objects that it does not know.
func (r *Registry) controllers(ctx context.Context, name string) (controlled, exclusive bool, err error) {
	classes, err := listClasses(ctx, r.Reader)
	if err != nil {
		return false, false, fmt.Errorf("look for an ingress controller of APISIX: %w", err)
	}
	for i := range classes {
		chosen, err := choiceOf(&classes[i])
		// One of another name that names a GatewayProxy may run or not: its ssl objects show it.
		if err != nil || !strings.HasPrefix(classes[i].Spec.Controller, ingresscontroller.ClassPrefix) || !r.sameGateway(ctx, name, chosen) {
			continue
		}
		controlled = true
		// Only 2.x knows GatewayProxies.
		exclusive = exclusive || classes[i].Spec.Controller == ingresscontroller.Class2 || chosen.proxy != nil
	}
	served, err := r.gatewayChoices(ctx)
	for _, chosen := range served { // only 2.x knows Gateways
		if r.sameGateway(ctx, name, chosen) {
			return true, true, nil
		}
	}
	return controlled, exclusive, err
}

// same reports whether the gateway chosen is the one called name: by its name, or because their Admin API is the same.
func (r *Registry) sameGateway(ctx context.Context, name string, chosen choice) bool {
	if chosen.name == name {
		return true
	}
	if chosen.proxy == nil && !r.Flags.gateway() {
		return false
	}
	r.get(ctx, chosen)
	one, other := r.entry(name).addresses.Load(), r.entry(chosen.name).addresses.Load()
	return one != nil && other != nil && overlap(*one, *other)
}

// ForgetUnused drops the metrics of gateways that no IngressClass and no Gateway names any more.
func (r *Registry) ForgetUnused(ctx context.Context) {
	classes, err := listClasses(ctx, r.Reader)
	if err != nil {
		return // the next change calls it again
	}
	used := map[string]bool{FlagsName: true}
	for i := range classes {
		chosen, _ := choiceOf(&classes[i]) // one at fault has a name too
		used[chosen.name] = true
	}
	served, err := r.gatewayChoices(ctx)
	if err != nil {
		return
	}
	for name := range served {
		used[name] = true
	}
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for name := range r.known.entries {
		if !used[name] {
			metrics.ForgetGateway(name)
		}
	}
}
