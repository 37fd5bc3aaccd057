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
	// DefaultResync is the maximum age of an inventory if Gateway.Resync is zero.
	DefaultResync = 5 * time.Minute
	// RereadAge is the maximum age of an inventory that explains a failure.
	RereadAge = 2 * time.Second
	// maxConcurrentWrites limits concurrent writes to a gateway. Measured with one worker and etcd on two cores: 148 new
	// objects a second from one client, 257 from 16. More concurrent writes would only wait at the gateway.
	maxConcurrentWrites = 8
)

// mode is what is done at a gateway. Each Mode is a type, and nothing else depends on which one it is.
type mode interface {
	// observe returns what the gateway has of the target, from the inventory if possible.
	observe(ctx context.Context, t Target) (State, error)
	// plan returns what to do so that the gateway has the target. It is pure.
	plan(s State, t Target) Action
	// apply executes the plan, and returns the new state and what was done.
	apply(ctx context.Context, s State, t Target, action Action) (State, Action, error)
	// remove deletes what was pushed. It is called again until it is done.
	remove(ctx context.Context, t Target, how removal) (done bool, err error)
}

// Gateway is one APISIX. Admin, Name and Clock are required.
type Gateway struct {
	Name  string
	Admin *apisix.Client
	// TLSAddrs are HOST:PORT of the TLS port, one for each pod that must serve. Empty means that nothing can be verified.
	TLSAddrs []string
	// Mode is ModeAuto by default.
	Mode Mode
	// Controlled reports whether an APISIX ingress controller is present in the cluster. If nil, only the gateway's objects
	// are checked. It is called while Mode is ModeAuto.
	Controlled func(context.Context) (bool, error)
	// Exclusive reports whether that ingress controller deletes ssl objects that it does not know, as 2.x does. If nil,
	// only the gateway's objects are checked. It is called in mode own before anything is done.
	Exclusive func(context.Context) (bool, error)
	// Resync is the maximum age of the inventory. Zero means 5 minutes.
	Resync time.Duration
	// Cluster is the name of the Kubernetes cluster in the labels and ids of own objects, so that several clusters can
	// share a gateway.
	Cluster string
	// MaxConcurrent is how many callers may use the gateway at the same time. Others receive a *BusyError. Zero means 12,
	// three quarters of a controller's default workers, so that a gateway that hangs leaves some for the others.
	MaxConcurrent int
	Clock         clock.Clock
	// Log receives the detected mode, and each write whose context has no logger. The zero value discards them.
	Log logr.Logger

	settings settings
	parts    parts
}

// parts are the state of a Gateway. The zero value is ready to use.
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

// writeSlots limits concurrent writes.
func (p *parts) writeSlots() *limit.Slots {
	p.once.Do(func() { p.slots = limit.New(maxConcurrentWrites, metrics.Writes) })
	return p.slots
}

func (g *Gateway) maxAge() time.Duration { return cmp.Or(g.Resync, DefaultResync) }

// remote returns access to the gateway's ssl objects.
func (g *Gateway) remote(m Mode) inventory.Remote {
	return inventory.Remote{
		Inventory: &g.parts.inventory, Admin: g.Admin, Clock: g.Clock, Writes: g.parts.writeSlots(), Gateway: g.Name, Mode: string(m), Log: g.Log,
	}
}

// modeFor returns the type for a mode. It is the only function that selects one.
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

// ID returns the id of the target's own ssl object.
func (g *Gateway) ID(t Target) string { return ownID(g.Cluster, t.UID) }

// Observe returns what the gateway has of the target, from the inventory if possible.
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

// Plan returns what to do so that the gateway has the target. It is pure.
func (g *Gateway) Plan(s State, t Target) Action { return g.modeFor(s.Mode).plan(s, t) }

// Push takes the next step of Plan, with at most one write for each object.
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

// ForcePush writes the target regardless of the inventory, as the gateway does not serve what its objects should have. An
// ingress controller's objects are patched, never replaced.
func (g *Gateway) ForcePush(ctx context.Context, s State, t Target) (State, error) {
	s.forceWrite = true
	m := g.modeFor(s.Mode)
	err := g.call(ctx, func() (err error) {
		s, _, err = m.apply(ctx, s, t, m.plan(s, t))
		return err
	})
	s.forceWrite = false
	return s, err
}

// Remove deletes from the gateway what Push has written. An ingress controller must delete its own objects. When overdue,
// an object that remains is deleted if it was derived from the target's own references.
func (g *Gateway) Remove(ctx context.Context, t Target, overdue bool) (done bool, err error) {
	return g.remove(ctx, t, removal{overdue: overdue})
}

func (g *Gateway) remove(ctx context.Context, t Target, how removal) (done bool, err error) {
	err = g.call(ctx, func() error {
		found, err := g.FindMode(ctx)
		if err == nil && found == ModeSecret { // nothing would be deleted: check that the gateway still has no objects
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

// Withdraw deletes the target's own object if the inventory has one: the target has none of its hosts any more, or another
// gateway serves it now.
func (g *Gateway) Withdraw(ctx context.Context, t Target) error {
	_, err := g.remove(ctx, t, removal{ownOnly: true})
	return err
}

// DeleteVaultSecret deletes the object with the target's Vault (DELETE /apisix/admin/secrets/vault/ID). A missing object is
// not an error.
func (g *Gateway) DeleteVaultSecret(ctx context.Context, t Target) error {
	return g.withObjects(ctx, func(o ours) error { return o.forgetVault(ctx, t) })
}

// VaultReferences returns the references that the target's own object has instead of certificate and key, in one text (GET
// /apisix/admin/ssls/ID). It returns an empty string if it has none.
func (g *Gateway) VaultReferences(ctx context.Context, t Target) (text string, err error) {
	err = g.withObjects(ctx, func(o ours) error {
		var err error
		text, err = o.references(ctx, t)
		return err
	})
	return text, err
}

// withObjects calls do if the gateway has ssl objects.
func (g *Gateway) withObjects(ctx context.Context, do func(ours) error) error {
	return g.call(ctx, func() error {
		found, err := g.FindMode(ctx)
		if err != nil || !g.hasObjects(ctx, found) {
			return err
		}
		return do(ours{Remote: g.remote(found), cluster: g.Cluster})
	})
}

// Reread reads the list of ssl objects again if the inventory is older than age. Concurrent callers share one list request.
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

// Invalidate marks the inventory as outdated: the next run reads the list again, and Invalidated reports it.
func (g *Gateway) Invalidate() { g.parts.inventory.Invalidate() }

// Invalidated reports, once, whether Invalidate was called.
func (g *Gateway) Invalidated() bool { return g.parts.inventory.Invalidated() }
