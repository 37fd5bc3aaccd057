// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
)

// Object is what the inventory keeps of an ssl object.
type Object struct {
	ID          string
	Hosts       []string
	Labels      map[string]string
	Fingerprint string // of the leaf; empty where it cannot be parsed, as with a reference to a secret
	Serial      string
	Enabled     bool
}

// inventory is the list of a gateway's ssl objects, read once for all certificates and kept up to date by our writes.
type inventory struct {
	sync.RWMutex
	read   singleflight.Group
	listed time.Time
	byID   map[string]Object
	byHost map[string][]string // host -> ids
}

// fresh makes sure that the inventory is not older than resync; callers share one list request.
func (g *Gateway) fresh(ctx context.Context) error {
	resync := g.Resync
	if resync == 0 {
		resync = 5 * time.Minute
	}
	g.inventory.RLock()
	age := g.Clock.Since(g.inventory.listed)
	known := g.inventory.byID != nil
	g.inventory.RUnlock()
	if known && age < resync {
		return nil
	}
	return g.Refresh(ctx)
}

// Refresh reads the list of ssl objects anew.
func (g *Gateway) Refresh(ctx context.Context) error {
	result := g.inventory.read.DoChan("list", func() (any, error) {
		// Not the first caller's context: its end must not fail the others. The client has a time-out of its own.
		list, err := g.Admin.ListSSLs(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		g.inventory.replace(list, g.Clock.Now())
		return nil, nil
	})
	select {
	case r := <-result:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *inventory) replace(list []apisix.SSL, now time.Time) {
	v.Lock()
	defer v.Unlock()
	v.byID, v.byHost, v.listed = make(map[string]Object, len(list)), make(map[string][]string, len(list)), now
	for i := range list {
		v.add(objectOf(&list[i]))
	}
}

// add is called with the lock held.
func (v *inventory) add(o Object) {
	v.remove(o.ID)
	if v.byID == nil {
		return // never listed: one known object must not pass for all there are
	}
	v.byID[o.ID] = o
	for _, host := range o.Hosts {
		v.byHost[host] = append(v.byHost[host], o.ID)
	}
}

// remove is called with the lock held.
func (v *inventory) remove(id string) {
	for _, host := range v.byID[id].Hosts {
		v.byHost[host] = slices.DeleteFunc(v.byHost[host], func(other string) bool { return other == id })
	}
	delete(v.byID, id)
}

func (v *inventory) record(o Object) {
	v.Lock()
	defer v.Unlock()
	v.add(o)
}

func (v *inventory) forget(id string) {
	v.Lock()
	defer v.Unlock()
	v.remove(id)
}

func (v *inventory) get(id string) (Object, bool) {
	v.RLock()
	defer v.RUnlock()
	o, ok := v.byID[id]
	return o, ok
}

// withHost are the objects that are served for exactly this host.
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

func objectOf(ssl *apisix.SSL) Object {
	o := Object{ID: ssl.ID, Hosts: ssl.Hosts(), Labels: ssl.Labels, Enabled: ssl.Enabled()}
	if chain, err := certs.ParseCertificates([]byte(ssl.Cert)); err == nil && len(chain) > 0 {
		o.Fingerprint, o.Serial = certs.Fingerprint(chain[0]), certs.Serial(chain[0])
	}
	return o
}
