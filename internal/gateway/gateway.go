// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
	"apisix-certs.io/apisix-certs/internal/gateway/limit"
	"apisix-certs.io/apisix-certs/internal/gateway/memory"
	"apisix-certs.io/apisix-certs/internal/gateway/proof"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

const (
	// DefaultResync is how old an inventory may be where Gateway.Resync is zero.
	DefaultResync = 5 * time.Minute
	// RereadAge is how old an inventory may be that explains a failure.
	RereadAge = 2 * time.Second
	// writesInFlight bounds what a gateway has to write at the same time. Measured with one worker and etcd on two cores: 148
	// new objects a second from one client, 257 from 16, so more in flight only wait there instead of here.
	maxConcurrentWrites = 8
)

// mode is what is done at a gateway, a type for each Mode. Nothing else depends on which it is.
type mode interface {
	// observe reports what the gateway has of the target, from the inventory where it can.
	observe(ctx context.Context, t Target) (State, error)
	// plan is what to do so that the gateway holds the target. It is pure.
	plan(s State, t Target) Action
	// apply does what is planned, and reports what the gateway has then and what was done.
	apply(ctx context.Context, s State, t Target, action Action) (State, Action, error)
	// remove takes away what was brought there. Where it is not done, it is called again.
	remove(ctx context.Context, t Target, how removal) (done bool, err error)
}

// Gateway is one APISIX. Admin, Name and Clock are required.
type Gateway struct {
	Name  string
	Admin *apisix.Client
	// TLSAddrs are host:port of the TLS port, one for each pod that must serve. Empty: nothing can be proven.
	TLSAddrs []string
	// Mode, Auto by default.
	Mode Mode
	// Controlled reports whether an APISIX ingress controller is present in the cluster. Nil: unknown, and only the
	// gateway's objects are looked at. Called while Mode is Auto.
	Controlled func(context.Context) (bool, error)
	// Exclusive reports whether that ingress controller deletes ssl objects that it does not know, as 2.x does. Nil:
	// unknown, and only the gateway's objects are looked at. Called before anything is done in mode own.
	Exclusive func(context.Context) (bool, error)
	// Resync is how old the inventory may be. Zero: 5 minutes.
	Resync time.Duration
	// Cluster names the Kubernetes cluster in the labels and ids of own objects, so that several share a gateway.
	Cluster string
	// AtOnce is how many may be at work on the gateway at a time, others being refused with a *BusyError. Zero: 12, three
	// quarters of the workers that a controller has by default, so that a gateway that hangs leaves some for the others.
	MaxConcurrent int
	Clock         clock.Clock
	// Log gets the mode once it is found, and each write whose context has no logger. The zero value drops them.
	Log logr.Logger

	settings settings
	parts    parts
}

// parts are what a Gateway knows and remembers. The zero value is ready.
type parts struct {
	inventory inventory.Inventory
	memory    memory.Memory
	detection detection
	prover    proof.Prover
	health    health
	touches   touches
	once      sync.Once
	slots     *limit.Slots
}

// writeSlots bound the writes at the same time.
func (p *parts) writeSlots() *limit.Slots {
	p.once.Do(func() { p.slots = limit.New(maxConcurrentWrites, metrics.Writes) })
	return p.slots
}

func (g *Gateway) maxAge() time.Duration { return cmp.Or(g.Resync, DefaultResync) }

// remote is the way to the gateway's ssl objects.
func (g *Gateway) remote(m Mode) inventory.Remote {
	return inventory.Remote{
		Inventory: &g.parts.inventory, Admin: g.Admin, Clock: g.Clock, Writes: g.parts.writeSlots(), Gateway: g.Name, Mode: string(m), Log: g.Log,
	}
}

// as is the type for a mode, and the only place where it is chosen.
func (g *Gateway) modeFor(m Mode) mode {
	own := ours{Remote: g.remote(m), cluster: g.Cluster}
	their := theirs{known: &g.parts.inventory}
	switch m {
	case ModeAdopt:
		return adoptMode{former: former{own}, theirs: their, memory: &g.parts.memory, resync: g.maxAge()}
	case ModeSecret:
		return secretMode{former: former{own}, theirs: their, memory: &g.parts.memory, resync: g.maxAge(), objects: g.hasObjects}
	}
	return ownMode{ours: own, resync: g.maxAge(), exclusive: g.Exclusive}
}

// ID is the id of the target's own ssl object.
func (g *Gateway) ID(t Target) string { return ownID(g.Cluster, t.UID) }

// Observe reports what the gateway has of the target, from the inventory where it can.
func (g *Gateway) Observe(ctx context.Context, t Target) (s State, err error) {
	err = g.call(ctx, func() error {
		if s.Mode, err = g.FindMode(ctx); err != nil {
			return err
		}
		s, err = g.modeFor(s.Mode).observe(ctx, t)
		return err
	})
	return s, err
}

// Plan is what to do so that the gateway holds the target. It is pure.
func (g *Gateway) Plan(s State, t Target) Action { return g.modeFor(s.Mode).plan(s, t) }

// Push takes the next step so that the gateway holds the target: what Plan says, with at most one write for each object.
func (g *Gateway) Push(ctx context.Context, s State, t Target) (State, Action, error) {
	m, began := g.modeFor(s.Mode), g.Clock.Now()
	action := m.plan(s, t)
	done := action
	err := g.call(ctx, func() (err error) {
		s, done, err = m.apply(ctx, s, t, action)
		return err
	})
	switch action.Verb {
	case ActionPut, ActionPatch, ActionMake:
		if err == nil {
			metrics.Pushed(g.Name, g.Clock.Since(began))
		}
	}
	return s, done, err
}

// PushAgain writes the target whatever is known of the gateway: what it serves says that its objects are not what they
// seem. An ingress controller's objects are patched, never replaced.
func (g *Gateway) PushAgain(ctx context.Context, s State, t Target) (State, error) {
	s.forceWrite = true
	m := g.modeFor(s.Mode)
	err := g.call(ctx, func() (err error) {
		s, _, err = m.apply(ctx, s, t, m.plan(s, t))
		return err
	})
	s.forceWrite = false
	return s, err
}

// Remove takes from the gateway what Push brought there. Objects of an ingress controller are its to drop; one that is left
// over when it has had its time is deleted where it was derived from the target's own references.
func (g *Gateway) Remove(ctx context.Context, t Target, overdue bool) (done bool, err error) {
	return g.remove(ctx, t, removal{overdue: overdue})
}

func (g *Gateway) remove(ctx context.Context, t Target, how removal) (done bool, err error) {
	err = g.call(ctx, func() error {
		found, err := g.FindMode(ctx)
		if err == nil && found == ModeSecret { // where nothing is looked at: what it has by now would be left there
			g.recheckMode(time.Second)
			found, err = g.FindMode(ctx)
		}
		if err != nil {
			return err
		}
		done, err = g.modeFor(found).remove(ctx, t, how)
		return err
	})
	return done, err
}

// Withdraw deletes the target's own object where the inventory has one: none of its hosts is left, or it is served by
// another gateway now.
func (g *Gateway) Withdraw(ctx context.Context, t Target) error {
	_, err := g.remove(ctx, t, removal{ownOnly: true})
	return err
}

// ForgetVault deletes the object that says where the target's Vault is (DELETE /apisix/admin/secrets/vault/ID). That there
// is none is no error.
func (g *Gateway) DeleteVaultSecret(ctx context.Context, t Target) error {
	return g.withObjects(ctx, func(o ours) error { return o.forgetVault(ctx, t) })
}

// References is what the target's own object has now in the place of certificate and key where those are references, in
// one text, empty where they are not (GET /apisix/admin/ssls/ID).
func (g *Gateway) VaultReferences(ctx context.Context, t Target) (text string, err error) {
	err = g.withObjects(ctx, func(o ours) error {
		var err error
		text, err = o.references(ctx, t)
		return err
	})
	return text, err
}

// withObjects calls do where the gateway has ssl objects.
func (g *Gateway) withObjects(ctx context.Context, do func(ours) error) error {
	return g.call(ctx, func() error {
		found, err := g.FindMode(ctx)
		if err != nil || !g.hasObjects(ctx, found) {
			return err
		}
		return do(ours{Remote: g.remote(found), cluster: g.Cluster})
	})
}

// Reread reads the list of ssl objects again if the inventory is older than age. Callers share one list request.
func (g *Gateway) Reread(ctx context.Context, age time.Duration) error {
	if err := g.problem(); err != nil {
		return err
	}
	return g.call(ctx, func() error { return g.remote(g.Mode).EnsureFresh(ctx, age) })
}

// Refresh reads the list of ssl objects again (GET /apisix/admin/ssls, page by page).
func (g *Gateway) Refresh(ctx context.Context) error {
	if err := g.problem(); err != nil {
		return err
	}
	return g.call(ctx, func() error { return g.remote(g.Mode).List(ctx) })
}

// Doubt says that the gateway is not as the inventory says: the next look reads the list again, and Doubted reports it.
func (g *Gateway) Invalidate() { g.parts.inventory.Invalidate() }

// Doubted reports, once, that Doubt was called.
func (g *Gateway) Invalidated() bool { return g.parts.inventory.Invalidated() }
