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

// Registry knows the gateways. It returns the same Gateway, with its inventory and connections, until its Admin API is
// another one. Pods behind a Service, TLS addresses and admin keys change without a new Gateway.
type Registry struct {
	// Reader reads IngressClasses and GatewayProxies, from a cache.
	Reader   client.Reader
	Follower Follower
	// Flags describe the gateway of the flags. Nil means none.
	Flags *Flags
	// Mode, Cluster and Clock are those of every Gateway.
	Mode    gateway.Mode
	Cluster string
	Clock   clock.Clock
	// TLS is for https endpoints of every gateway. Nil means the system's roots.
	TLS       *tls.Config
	UserAgent string
	Log       logr.Logger
	// Warn, if set, is called with a problem that does not prevent the use of a gateway, when it is detected.
	Warn func(Warning)

	known known
}

// known is what a Registry has found so far. The zero value is ready to use.
type known struct {
	proxies atomic.Bool // the CRD of GatewayProxy is installed
	// gatewayAPI: the CRDs of Gateway and GatewayClass are installed.
	gatewayAPI atomic.Bool
	mu         sync.Mutex
	entries    map[string]*entry
}

// Warning is a problem that does not prevent the use of a gateway.
type Warning struct {
	// Proxy is the GatewayProxy with the problem.
	Proxy client.ObjectKey
	// Problem says what is wrong and how to correct it. It is stable.
	Problem string
}

// entry is one gateway and its settings.
type entry struct {
	mu        sync.Mutex // held while the gateway is created or updated
	fresh     atomic.Bool
	ready     atomic.Pointer[gateway.Gateway] // gateway, readable without mu
	key       atomic.Pointer[apisix.KeySource]
	addresses atomic.Pointer[[]string] // see adminSource.addresses
	identity  string
	gateway   *gateway.Gateway
}

// readTimeout limits the reads of one For, which caches complete at once.
const readTimeout = 10 * time.Second

// For returns the gateways of a class (see package class), or nil if there are none. A gateway with faulty settings is among
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

// Named returns the gateway with the name used in status, so that a certificate can be removed from it after a change of
// the ingress class. It returns nil if the flags describe no gateway, its GatewayProxy is deleted, or no gateway has that
// name.
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

// get returns the chosen gateway, updated if something has changed.
func (r *Registry) get(ctx context.Context, chosen choice) *gateway.Gateway {
	e := r.entry(chosen.name)
	e.mu.Lock()
	defer e.mu.Unlock()
	// Set before the reads: after a change during the reads, the next call must read again.
	if !e.fresh.Swap(true) {
		r.update(ctx, e, chosen)
	}
	return e.gateway
}

// NameFor returns the name of the gateway of a class, or an empty string if there is none or it is not known.
func (r *Registry) NameFor(ctx context.Context, key string) string {
	chosen, err := r.choose(ctx, key)
	if err != nil {
		return ""
	}
	return chosen.name
}

// Invalidate makes the next For read the settings of a gateway again.
func (r *Registry) Invalidate(name string) { r.entry(name).fresh.Store(false) }

// InvalidateAll makes the mode of every gateway be detected again, and its settings be read again, as an ingress controller
// or a gateway may have been added or removed.
func (r *Registry) InvalidateAll() {
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for _, e := range r.known.entries {
		if g := e.ready.Load(); g != nil { // not e.gateway: e.mu may be held for requests
			g.ForgetMode()
		}
		e.fresh.Store(false)
	}
}

// EnableGatewayProxies must be called once the CRD of GatewayProxy is installed.
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

// choose returns the gateway of a class. The error is a *gateway.SetupError if an IngressClass, a Gateway or a GatewayClass
// is faulty.
func (r *Registry) choose(ctx context.Context, key string) (choice, error) {
	if key == class.None {
		return choice{}, nil
	}
	if gw, ok := class.Gateway(key); ok {
		return r.chooseByGateway(ctx, gw)
	}
	classes, err := listClasses(ctx, r.Reader)
	if err != nil {
		return choice{name: FlagsName}, fmt.Errorf("find ingress class %q: %w", key, err)
	}
	return chooseClass(classes, key)
}

// controllers reports whether an IngressClass or a Gateway of an APISIX ingress controller uses the gateway called name,
// and whether such a controller deletes ssl objects that it does not know.
func (r *Registry) controllers(ctx context.Context, name string) (controlled, exclusive bool, err error) {
	classes, err := listClasses(ctx, r.Reader)
	if err != nil {
		return false, false, fmt.Errorf("find an APISIX ingress controller: %w", err)
	}
	for i := range classes {
		chosen, err := choiceOf(&classes[i])
		// A controller of another name with a GatewayProxy may not be running: its ssl objects show whether it is.
		if err != nil || !strings.HasPrefix(classes[i].Spec.Controller, ingresscontroller.ClassPrefix) || !r.sameGateway(ctx, name, chosen) {
			continue
		}
		controlled = true
		// Only 2.x uses GatewayProxies.
		exclusive = exclusive || classes[i].Spec.Controller == ingresscontroller.Class2 || chosen.proxy != nil
	}
	served, err := r.gatewayChoices(ctx)
	for _, chosen := range served { // only 2.x uses Gateways
		if r.sameGateway(ctx, name, chosen) {
			return true, true, nil
		}
	}
	return controlled, exclusive, err
}

// sameGateway reports whether the chosen gateway is the one called name, by its name or because both have the same Admin
// API.
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

// ForgetUnused removes the metrics of gateways that no IngressClass and no Gateway uses any more.
func (r *Registry) ForgetUnused(ctx context.Context) {
	classes, err := listClasses(ctx, r.Reader)
	if err != nil {
		return // the next change calls it again
	}
	used := map[string]bool{FlagsName: true}
	for i := range classes {
		chosen, _ := choiceOf(&classes[i]) // a faulty one has a name too
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
