// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// sniIndex finds the certificate for a server name.
type sniIndex struct {
	mu      sync.Mutex
	clock   clock.PassiveClock
	delay   time.Duration
	pending []change // in the order of the writes

	byID   map[string]*certificate
	byName map[string][]*certificate // exact names and patterns; the certificate created first is first
	next   int64
}

// change is a write that the TLS port has not processed yet.
type change struct {
	at          time.Time
	id          string
	certificate *certificate // nil for a deletion
}

func newSNIIndex(c clock.PassiveClock) *sniIndex {
	return &sniIndex{clock: c, byID: map[string]*certificate{}, byName: map[string][]*certificate{}}
}

func (x *sniIndex) set(id string, c *certificate) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pending = append(x.pending, change{at: x.clock.Now().Add(x.delay), id: id, certificate: c})
	x.catchUp()
}

func (x *sniIndex) remove(id string) { x.set(id, nil) }

// replace replaces all certificates.
func (x *sniIndex) replace(all []*certificate) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pending = nil
	clear(x.byID)
	clear(x.byName)
	for i, c := range all {
		x.apply(change{id: strconv.Itoa(i), certificate: c})
	}
}

// catchUp applies the writes whose delay has passed.
func (x *sniIndex) catchUp() {
	now := x.clock.Now()
	for len(x.pending) > 0 && !now.Before(x.pending[0].at) {
		x.apply(x.pending[0])
		x.pending = x.pending[1:]
	}
}

func (x *sniIndex) apply(c change) {
	old := x.byID[c.id]
	if old != nil {
		for _, name := range old.names {
			x.drop(name, old)
		}
	}
	if c.certificate == nil {
		delete(x.byID, c.id)
		return
	}
	if old != nil {
		c.certificate.order = old.order
	} else {
		x.next++
		c.certificate.order = x.next
	}
	x.byID[c.id] = c.certificate
	for _, name := range c.certificate.names {
		x.add(name, c.certificate)
	}
}

func (x *sniIndex) drop(name string, c *certificate) {
	left := slices.DeleteFunc(x.byName[name], func(other *certificate) bool { return other == c })
	if len(left) == 0 {
		delete(x.byName, name)
		return
	}
	x.byName[name] = left
}

func (x *sniIndex) add(name string, c *certificate) {
	list := x.byName[name]
	at, there := slices.BinarySearchFunc(list, c, func(a, b *certificate) int { return cmp.Compare(a.order, b.order) })
	if !there {
		x.byName[name] = slices.Insert(list, at, c)
	}
}

// find returns nil if no object matches the name. Only the longest pattern is tried: if its * matches more than one label,
// no shorter pattern is tried.
func (x *sniIndex) find(name string) *certificate {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.catchUp()
	list := x.byName[name]
	for i := 0; len(list) == 0 && i <= len(name); i++ {
		list = x.byName["*"+name[i:]]
	}
	if name == "" || len(list) == 0 || !list[0].covers(name) {
		return nil
	}
	return list[0]
}

// reload sorts the certificates by etcd key, the order in which APISIX reads them when it starts.
func (x *sniIndex) reload() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.pending {
		x.apply(c)
	}
	x.pending = nil
	clear(x.byName)
	x.next = 0
	for _, id := range slices.Sorted(maps.Keys(x.byID)) {
		c := x.byID[id]
		x.next++
		c.order = x.next
		for _, name := range c.names {
			x.add(name, c)
		}
	}
}

// SetServeDelay delays each later write on the TLS port, counted from its response. A real APISIX needs about 4 ms.
func (s *Server) SetServeDelay(d time.Duration) {
	s.served.mu.Lock()
	defer s.served.mu.Unlock()
	s.served.delay = d
}
