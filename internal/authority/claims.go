// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
)

// DefaultReservation is how long a released name is reserved for other certificates of its namespace.
const DefaultReservation = 10 * time.Minute

// Claimant is one certificate as the index knows it. It is not changed.
type Claimant struct {
	UID     types.UID
	Key     types.NamespacedName
	Created time.Time
	// Names are the requested names, Recorded those that the status records as owned. Both are normalized.
	Names, Recorded []string
	// Bare are names that it requests without owning them, see Requested.
	Bare []string
	// Secret is the certificate's Secret.
	Secret types.NamespacedName
	// Valid is false if no issuer could accept the spec. Such a certificate gets no name that it does not own.
	Valid bool
	// Deleting certificates keep their names from other namespaces until they are gone, but not from their own.
	Deleting bool
}

// Judge evaluates policies. It is only called if several certificates request one name.
type Judge interface {
	// Admitted reports whether nothing forbids issuing the certificate.
	Admitted(types.NamespacedName) bool
	// AllowsName reports whether policies allow the name for the namespace.
	AllowsName(namespace, name string) bool
}

// Claims is the index of which certificates request and own which names and Secrets. It is safe for concurrent use.
type Claims struct {
	// Clock is the clock for reservations. Required.
	Clock clock.PassiveClock
	// Reservation is how long a released name is reserved for its namespace. Zero means DefaultReservation.
	Reservation time.Duration

	mu       sync.Mutex
	all      map[types.UID]*claim
	names    map[string]*entry
	below    map[string]map[string]struct{} // parent domain -> names one label below it
	bySecret map[types.NamespacedName][]*claim
	expiring []string // reserved names, the first reservation first
}

// claim is a Claimant and the names that it owns: what its status records, and what it was given since.
type claim struct {
	Claimant
	has map[string]struct{}
}

// same reports whether a certificate is unchanged, as in most runs.
func (c *claim) same(now Claimant) bool {
	was := c.Claimant
	return was.Key == now.Key && was.Created.Equal(now.Created) && was.Secret == now.Secret && was.Valid == now.Valid && was.Deleting == now.Deleting &&
		slices.Equal(was.Names, now.Names) && slices.Equal(was.Recorded, now.Recorded) && slices.Equal(was.Bare, now.Bare)
}

// entry is what is known about one name.
type entry struct {
	claims   []*claim // oldest first
	reserved string   // the namespace that released the name
	until    time.Time
}

// Set records the current state of a certificate. It returns the certificates that wait for a name or a Secret that this one
// no longer needs.
func (c *Claims) Set(now Claimant) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.init()
	c.expire()
	before := c.all[now.UID]
	if before != nil && before.same(now) {
		return nil
	}
	next := &claim{Claimant: now, has: map[string]struct{}{}}
	wanted := make(map[string]struct{}, len(now.Names))
	for _, name := range now.Names {
		wanted[name] = struct{}{}
	}
	keep := func(name string) {
		if _, ok := wanted[name]; ok {
			next.has[name] = struct{}{}
		}
	}
	for _, name := range now.Recorded {
		keep(name)
	}
	var freed []types.NamespacedName
	if before != nil {
		// A name that it was just given may not be in its status yet.
		for name := range before.has {
			keep(name)
		}
		c.remove(before)
	}
	c.insert(next)
	if before != nil {
		freed = c.released(before, next)
	}
	return freed
}

// Delete removes a certificate. It returns those that wait for one of its names or its Secret.
func (c *Claims) Delete(uid types.UID) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.all[uid]
	if before == nil {
		return nil
	}
	c.remove(before)
	return c.released(before, nil)
}

func (c *Claims) init() {
	if c.all == nil {
		c.all, c.names = map[types.UID]*claim{}, map[string]*entry{}
		c.below, c.bySecret = map[string]map[string]struct{}{}, map[types.NamespacedName][]*claim{}
	}
}

func (c *Claims) insert(of *claim) {
	c.all[of.UID] = of
	c.bySecret[of.Secret] = append(c.bySecret[of.Secret], of)
	for _, name := range of.Names {
		e := c.entryOf(name)
		at, _ := slices.BinarySearchFunc(e.claims, of, compareAge)
		e.claims = slices.Insert(e.claims, at, of)
	}
}

func (c *Claims) remove(of *claim) {
	delete(c.all, of.UID)
	c.bySecret[of.Secret] = slices.DeleteFunc(c.bySecret[of.Secret], func(other *claim) bool { return other.UID == of.UID })
	if len(c.bySecret[of.Secret]) == 0 {
		delete(c.bySecret, of.Secret)
	}
	for _, name := range of.Names {
		if e := c.names[name]; e != nil {
			e.claims = slices.DeleteFunc(e.claims, func(other *claim) bool { return other.UID == of.UID })
			c.prune(name, e)
		}
	}
}

// prune removes a name that no certificate requests and that is not reserved.
func (c *Claims) prune(name string, e *entry) {
	if len(e.claims) > 0 || c.Clock.Now().Before(e.until) {
		return
	}
	delete(c.names, name)
	if parent := parentOf(name); parent != "" {
		delete(c.below[parent], name)
		if len(c.below[parent]) == 0 {
			delete(c.below, parent)
		}
	}
}

// released reserves the names that before owned and after does not, and returns who waits for them.
func (c *Claims) released(before, after *claim) []types.NamespacedName {
	waiting := map[types.NamespacedName]struct{}{}
	for name := range before.has {
		if after != nil {
			if _, ok := after.has[name]; ok && after.Deleting == before.Deleting {
				continue
			}
		}
		if after == nil || !after.hasName(name) {
			c.reserve(name, before.Key.Namespace)
		}
		for _, e := range c.around(name) {
			for _, other := range e.claims {
				waiting[other.Key] = struct{}{}
			}
		}
	}
	if after == nil || after.Secret != before.Secret || after.Deleting != before.Deleting {
		for _, other := range c.bySecret[before.Secret] {
			waiting[other.Key] = struct{}{}
		}
	}
	delete(waiting, before.Key)
	keys := make([]types.NamespacedName, 0, len(waiting))
	for key := range waiting {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b types.NamespacedName) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

func (c *claim) hasName(name string) bool { _, ok := c.has[name]; return ok }

func (c *Claims) reserve(name, namespace string) {
	e := c.entryOf(name)
	e.reserved, e.until = namespace, c.Clock.Now().Add(c.reservation())
	c.expiring = append(c.expiring, name)
}

// entryOf returns the entry of a name, creating it if needed.
func (c *Claims) entryOf(name string) *entry {
	e := c.names[name]
	if e != nil {
		return e
	}
	e = &entry{}
	c.names[name] = e
	if parent := parentOf(name); parent != "" {
		if c.below[parent] == nil {
			c.below[parent] = map[string]struct{}{}
		}
		c.below[parent][name] = struct{}{}
	}
	return e
}

// expire removes reservations that are over. All have the same duration, so the first one expires first.
func (c *Claims) expire() {
	for len(c.expiring) > 0 {
		e := c.names[c.expiring[0]]
		if e != nil && c.Clock.Now().Before(e.until) {
			return
		}
		if e != nil {
			c.prune(c.expiring[0], e)
		}
		c.expiring = c.expiring[1:]
	}
}

func (c *Claims) reservation() time.Duration {
	if c.Reservation > 0 {
		return c.Reservation
	}
	return DefaultReservation
}

// named is an entry with its name.
type named struct {
	name string
	*entry
}

// around returns the entries of all names that overlap with name, in a stable order.
func (c *Claims) around(name string) []named {
	var found []named
	add := func(other string) {
		if e := c.names[other]; e != nil {
			found = append(found, named{other, e})
		}
	}
	add(name)
	if parent := parentOf(name); parent != "" {
		add("*." + parent)
	}
	if parent, wildcard := strings.CutPrefix(name, "*."); wildcard {
		for _, other := range slices.Sorted(maps.Keys(c.below[parent])) {
			add(other)
		}
	}
	return found
}

// compareAge sorts claims by age, then by namespace and name, so that the order is always the same.
func compareAge(a, b *claim) int {
	if order := a.Created.Compare(b.Created); order != 0 {
		return order
	}
	if order := strings.Compare(a.Key.String(), b.Key.String()); order != 0 {
		return order
	}
	return strings.Compare(string(a.UID), string(b.UID))
}

// OfSecret are the certificates whose Secret this is, the oldest first.
func (c *Claims) OfSecret(secret types.NamespacedName) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := slices.Clone(c.bySecret[secret])
	slices.SortFunc(found, compareAge)
	var keys []types.NamespacedName
	for _, of := range found {
		keys = append(keys, of.Key)
	}
	return keys
}

// Len is how many certificates are known.
func (c *Claims) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}
