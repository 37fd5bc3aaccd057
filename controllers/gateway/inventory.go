// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"apisix-certs.io/apisix-certs/apisix"
)

// DefaultResync is how old an inventory may be where Gateway.Resync is zero.
const DefaultResync = 5 * time.Minute

// inventory is the list of a gateway's ssl objects, read once for all certificates and kept up to date by our writes.
type inventory struct {
	sync.RWMutex
	read   singleflight.Group
	listed time.Time // when the last list was asked for; zero: never, or it is in doubt
	byID   map[string]Object
	byHost map[string][]string // host or wildcard -> ids
	byLine map[Line]int        // how many objects each line of ingress controllers has
	// written are the writes since the list under way was asked for, nil for a deletion: what it says of these objects
	// may be older. It is nil while no list is under way.
	written map[string]*Object
	doubted bool
}

// fresh makes sure that the inventory is not older than the resync period.
func (g *Gateway) fresh(ctx context.Context) error {
	resync := g.Resync
	if resync == 0 {
		resync = DefaultResync
	}
	return g.Reread(ctx, resync)
}

// Reread reads the list of ssl objects anew if the inventory is older than age. Callers share one list request.
func (g *Gateway) Reread(ctx context.Context, age time.Duration) error {
	g.inventory.RLock()
	listed, known := g.inventory.listed, g.inventory.byID != nil
	g.inventory.RUnlock()
	if known && !listed.IsZero() && g.Clock.Since(listed) < age {
		return nil
	}
	return g.Refresh(ctx)
}

// Refresh reads the list of ssl objects anew (GET /apisix/admin/ssls, page by page).
func (g *Gateway) Refresh(ctx context.Context) error {
	if err := g.problem(); err != nil {
		return err
	}
	result := g.inventory.read.DoChan("list", func() (any, error) {
		began := g.Clock.Now()
		g.inventory.begin()
		// Not the first caller's context: its end must not fail the others. The client has a time-out of its own.
		list, err := apisix.ListSSLsAs(context.WithoutCancel(ctx), g.Admin, objectOf)
		g.inventory.finish(list, err, began)
		return nil, err
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Doubt says that the gateway is not as the inventory tells: the next look reads the list anew, and Doubted tells so.
func (g *Gateway) Doubt() {
	g.inventory.Lock()
	defer g.inventory.Unlock()
	g.inventory.listed, g.inventory.doubted = time.Time{}, true
}

// Doubted tells once that Doubt was called.
func (g *Gateway) Doubted() bool {
	g.inventory.Lock()
	defer g.inventory.Unlock()
	doubted := g.inventory.doubted
	g.inventory.doubted = false
	return doubted
}

func (v *inventory) begin() {
	v.Lock()
	defer v.Unlock()
	v.written = map[string]*Object{}
}

// finish takes a list, and over it what was written while it was read.
func (v *inventory) finish(list []Object, err error, began time.Time) {
	v.Lock()
	defer v.Unlock()
	written := v.written
	v.written = nil
	if err != nil {
		return
	}
	v.byID, v.byHost, v.listed = make(map[string]Object, len(list)), make(map[string][]string, len(list)), began
	v.byLine = map[Line]int{}
	for _, o := range list {
		v.add(o)
	}
	for id, o := range written {
		v.remove(id)
		if o != nil {
			v.add(*o)
		}
	}
}

// add is called with the lock held.
func (v *inventory) add(o Object) {
	v.remove(o.ID)
	if v.byID == nil {
		return // never listed: one known object must not pass for all there are
	}
	v.byID[o.ID] = o
	v.byLine[lineOf(o)]++
	for _, host := range o.Hosts {
		v.byHost[host] = append(v.byHost[host], o.ID)
	}
}

// remove is called with the lock held.
func (v *inventory) remove(id string) {
	o, ok := v.byID[id]
	if !ok {
		return
	}
	v.byLine[lineOf(o)]--
	for _, host := range o.Hosts {
		left := slices.DeleteFunc(v.byHost[host], func(other string) bool { return other == id })
		if v.byHost[host] = left; len(left) == 0 {
			delete(v.byHost, host)
		}
	}
	delete(v.byID, id)
}

func (v *inventory) record(o Object) {
	v.Lock()
	defer v.Unlock()
	if v.written != nil {
		v.written[o.ID] = &o
	}
	v.add(o)
}

// forget tells whether the object was thought to be there.
func (v *inventory) forget(id string) bool {
	v.Lock()
	defer v.Unlock()
	_, known := v.byID[id]
	if v.written != nil {
		v.written[id] = nil
	}
	v.remove(id)
	return known
}

func (v *inventory) get(id string) (Object, bool) {
	v.RLock()
	defer v.RUnlock()
	o, ok := v.byID[id]
	return o, ok
}

// withHost are the objects whose names have exactly this host or wildcard.
func (v *inventory) withHost(host string) []Object {
	v.RLock()
	defer v.RUnlock()
	var found []Object
	for _, id := range v.byHost[host] {
		found = append(found, v.byID[id])
	}
	return found
}

func (v *inventory) any(match func(Object) bool) bool {
	v.RLock()
	defer v.RUnlock()
	for _, o := range v.byID {
		if match(o) {
			return true
		}
	}
	return false
}

// controllers tells whether there are objects of an ingress controller, and whether of one that deletes what it does not
// know, as 2.x does.
func (v *inventory) controllers() (controlled, exclusive bool) {
	v.RLock()
	defer v.RUnlock()
	return v.byLine[Line18]+v.byLine[Line2] > 0, v.byLine[Line2] > 0
}
