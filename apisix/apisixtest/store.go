// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// store has the content of etcd: objects by resource and id.
type store struct {
	mu       sync.RWMutex
	revision int64
	kinds    map[string]*collection
	leased   map[*object]string // objects that expire -> their resource
}

// collection has the objects of one resource. The ids are sorted, so that the cost of a page depends on its size only.
type collection struct {
	objects map[string]*object
	ids     []string
}

// object is immutable. A write replaces it.
type object struct {
	id                string
	value             map[string]any // with encrypted keys
	created, modified int64
	expires           time.Time // zero for never
	shown             []byte    // JSON of GET: without keys, with indexes
}

func newStore() *store {
	return &store{kinds: map[string]*collection{}, leased: map[*object]string{}}
}

// collectionOf returns the collection of a resource, which may be empty.
func (s *store) collectionOf(resource string) *collection {
	c := s.kinds[resource]
	if c == nil {
		c = &collection{objects: map[string]*object{}}
		s.kinds[resource] = c
	}
	return c
}

// get returns nil if the object does not exist.
func (s *store) get(resource, id string) *object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.kinds[resource]; c != nil {
		return c.objects[id]
	}
	return nil
}

// put must be called with the lock held. It reports whether the object is new.
func (s *store) put(resource, id string, value map[string]any, expires time.Time) (created bool) {
	c := s.collectionOf(resource)
	s.revision++
	o := &object{id: id, value: value, created: s.revision, modified: s.revision, expires: expires}
	old, there := c.objects[id]
	if there {
		o.created = old.created
		delete(s.leased, old)
	} else {
		at, _ := slices.BinarySearch(c.ids, id)
		c.ids = slices.Insert(c.ids, at, id)
	}
	if !expires.IsZero() {
		s.leased[o] = resource
	}
	o.shown = show(resource, o)
	c.objects[id] = o
	return !there
}

// remove must be called with the lock held. It reports whether the object existed.
func (s *store) remove(resource, id string) bool {
	c := s.collectionOf(resource)
	o, there := c.objects[id]
	if !there {
		return false
	}
	s.revision++
	delete(c.objects, id)
	delete(s.leased, o)
	if at, found := slices.BinarySearch(c.ids, id); found {
		c.ids = slices.Delete(c.ids, at, at+1)
	}
	return true
}

// expire removes objects whose ttl has passed. It calls gone for each ssl object among them, with the lock held.
func (s *store) expire(now time.Time, gone func(id string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o, resource := range s.leased {
		if now.Before(o.expires) {
			continue
		}
		s.remove(resource, o.id)
		if resource == "ssls" {
			gone(o.id)
		}
	}
}

// list returns the objects whose id has the prefix and that match wanted, ordered by id. A nil wanted matches all.
func (s *store) list(resource, prefix string, wanted func(*object) bool) []*object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.kinds[resource]
	if c == nil {
		return nil
	}
	objects := make([]*object, 0, len(c.ids))
	for _, id := range c.ids {
		if o := c.objects[id]; strings.HasPrefix(id, prefix) && (wanted == nil || wanted(o)) {
			objects = append(objects, o)
		}
	}
	return objects
}

// wipe removes everything and calls then with the lock held.
func (s *store) wipe(then func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	clear(s.kinds)
	clear(s.leased)
	then()
}

// nextID returns the id that APISIX generates for a POST: the etcd revision in 20 digits. The lock must be held.
func (s *store) nextID() string { return fmt.Sprintf("%020d", s.revision) }

func etcdKey(resource, id string) string { return "/apisix/" + resource + "/" + id }

// show renders the object for GET and list, without keys.
func show(resource string, o *object) []byte {
	value := o.value
	if resource == "ssls" {
		value = maps.Clone(value)
		delete(value, "key")
		delete(value, "keys")
	}
	return marshal(map[string]any{
		"key": etcdKey(resource, o.id), "value": value, "createdIndex": o.created, "modifiedIndex": o.modified,
	})
}
