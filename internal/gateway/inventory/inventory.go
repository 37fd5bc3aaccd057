// SPDX-License-Identifier: Apache-2.0

// Package inventory has the ssl objects of one gateway: a list that is read once for all certificates, and an Admin API
// client that updates the list and logs every write.
//
//	remote := inventory.Remote{Admin: client, Inventory: &gateway.inventory, ...}
//	err := remote.EnsureFresh(ctx, 5*time.Minute)  // one list for all callers
//	object, ok := remote.Get(id)                   // no request
//	err = remote.Delete(ctx, write, id, stillOurs) // read, checked, deleted, logged
//
// All writes to a gateway are made by a [Remote], and each logs one line. The package does not decide what is written.
package inventory

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// Inventory is the list of a gateway's ssl objects, updated by this controller's writes. The zero value is ready to use,
// and outdated.
type Inventory struct {
	mu        sync.RWMutex
	read      singleflight.Group
	listed    time.Time // when the last list was requested; zero means never, or invalidated
	byID      map[string]Object
	byHost    map[string][]string // host or wildcard -> ids
	byVersion map[ingresscontroller.Version]int
	// written has the writes since the list in progress was requested, nil for a deletion: the list may have an older version
	// of these objects. It is nil while no list is in progress.
	written     map[string]*Object
	invalidated bool
}

// New returns an inventory of these objects, as if they had been listed.
func New(objects ...Object) *Inventory {
	v := &Inventory{}
	v.finish(objects, nil, time.Time{})
	return v
}

// refresh replaces the list. Concurrent callers share one call of list.
func (v *Inventory) refresh(ctx context.Context, now func() time.Time, list func(context.Context) ([]Object, error)) error {
	result := v.read.DoChan("list", func() (any, error) {
		began := now()
		v.begin()
		// Not the first caller's context: canceling it must not fail the others. The client has its own timeout.
		objects, err := list(context.WithoutCancel(ctx))
		v.finish(objects, err, began)
		return nil, err
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Listed returns when the list was requested. Zero means never, or invalidated.
func (v *Inventory) Listed() time.Time {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.byID == nil {
		return time.Time{}
	}
	return v.listed
}

// Invalidate marks the inventory as outdated: the next EnsureFresh reads the list again, and Invalidated reports it.
func (v *Inventory) Invalidate() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.listed, v.invalidated = time.Time{}, true
}

// Invalidated reports, once, whether Invalidate was called.
func (v *Inventory) Invalidated() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	doubted := v.invalidated
	v.invalidated = false
	return doubted
}

func (v *Inventory) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.written = map[string]*Object{}
}

// finish stores a list, updated with what was written while it was read.
func (v *Inventory) finish(list []Object, err error, began time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	written := v.written
	v.written = nil
	if err != nil {
		return
	}
	v.byID, v.byHost, v.listed = make(map[string]Object, len(list)), make(map[string][]string, len(list)), began
	v.byVersion = map[ingresscontroller.Version]int{}
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

// add must be called with the lock held.
func (v *Inventory) add(o Object) {
	v.remove(o.ID)
	if v.byID == nil {
		return // never listed: one known object must not count as the complete list
	}
	v.byID[o.ID] = o
	v.byVersion[o.Controller()]++
	for _, host := range o.Hosts {
		v.byHost[host] = append(v.byHost[host], o.ID)
	}
}

// remove must be called with the lock held.
func (v *Inventory) remove(id string) {
	o, ok := v.byID[id]
	if !ok {
		return
	}
	v.byVersion[o.Controller()]--
	for _, host := range o.Hosts {
		left := slices.DeleteFunc(v.byHost[host], func(other string) bool { return other == id })
		if v.byHost[host] = left; len(left) == 0 {
			delete(v.byHost, host)
		}
	}
	delete(v.byID, id)
}

// Record stores an object as written or read.
func (v *Inventory) Record(o Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.written != nil {
		v.written[o.ID] = &o
	}
	v.add(o)
}

// Forget removes an object, and reports whether it was in the inventory.
func (v *Inventory) Forget(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, known := v.byID[id]
	if v.written != nil {
		v.written[id] = nil
	}
	v.remove(id)
	return known
}

// Get returns the object with this id.
func (v *Inventory) Get(id string) (Object, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	o, ok := v.byID[id]
	return o, ok
}

// WithHost returns the objects that have exactly this host or wildcard.
func (v *Inventory) WithHost(host string) []Object {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var found []Object
	for _, id := range v.byHost[host] {
		found = append(found, v.byID[id])
	}
	return found
}

// Any reports whether an object matches.
func (v *Inventory) Any(match func(Object) bool) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, o := range v.byID {
		if match(o) {
			return true
		}
	}
	return false
}

// Has reports whether there are objects of an ingress controller of this version. One of 2.x deletes objects that it does
// not know.
func (v *Inventory) Has(version ingresscontroller.Version) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.byVersion[version] > 0
}

// Controlled reports whether there are objects of an ingress controller.
func (v *Inventory) Controlled() bool {
	return v.Has(ingresscontroller.V18) || v.Has(ingresscontroller.V2)
}
