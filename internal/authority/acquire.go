// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Names are the DNS names that belong to one certificate.
type Names struct {
	// Owned may be issued for and served, in the order of the spec.
	Owned []string
	// Conflict says which name belongs to another namespace. Empty means none.
	Conflict string
	// OwnedBySibling are names that an older certificate of the same namespace owns. They are issued for, but that one
	// serves them.
	OwnedBySibling []string
	// Retry is when a name that is reserved for another namespace becomes free. Zero means that there is nothing to wait
	// for.
	Retry time.Time
}

// All reports whether no requested name belongs to another namespace.
func (n Names) All() bool { return n.Conflict == "" }

// Acquire assigns a certificate the names that no other certificate has precedence for, and records them. admitted means
// that the certificate may get names that it does not own yet. Between namespaces a wildcard and the hosts below it
// conflict; within a namespace only equal names do.
func (c *Claims) Acquire(uid types.UID, admitted bool, judge Judge) Names {
	c.mu.Lock()
	defer c.mu.Unlock()
	self := c.all[uid]
	if self == nil {
		return Names{}
	}
	q := query{Claims: c, self: self, admitted: admitted && self.Valid, judge: judge, may: map[types.UID]bool{}, now: c.Clock.Now()}
	var n Names
	for _, name := range self.Names {
		switch owner := q.ownerBefore(name); {
		case owner.none():
			if q.admitted || self.hasName(name) {
				n.Owned = append(n.Owned, name)
			}
		case owner.namespace == self.Key.Namespace:
			n.OwnedBySibling = append(n.OwnedBySibling, name)
		default:
			if n.Conflict == "" {
				n.Conflict = owner.text(name)
			}
			if !owner.until.IsZero() && (n.Retry.IsZero() || owner.until.Before(n.Retry)) {
				n.Retry = owner.until
			}
		}
	}
	for _, name := range self.Bare {
		if owner := q.holderOf(name); !owner.none() && n.Conflict == "" {
			n.Conflict = owner.text(name)
		}
	}
	self.has = make(map[string]struct{}, len(n.Owned))
	for _, name := range n.Owned {
		self.has[name] = struct{}{}
		if e := c.names[name]; e.reserved == self.Key.Namespace {
			e.reserved, e.until = "", time.Time{}
		}
	}
	return n
}

// owner is the certificate or namespace that has precedence for a name.
type owner struct {
	namespace, name string
	until           time.Time // end of a reservation
}

func (o owner) none() bool { return o.namespace == "" }

func (o owner) text(host string) string {
	if o.name == "" {
		return fmt.Sprintf("host %s was released by namespace %s recently and is still reserved for it; wait, or use the host there", host, o.namespace)
	}
	return fmt.Sprintf("host %s belongs to namespace %s (ApisixCertificate %s); remove it from one of the two", host, o.namespace, o.name)
}

// query is one call of Acquire.
type query struct {
	*Claims
	self     *claim
	admitted bool
	judge    Judge
	may      map[types.UID]bool // cached results of the judge
	now      time.Time
}

// ownerBefore returns who has precedence for name, or for one that overlaps with it, over the certificate of the query.
func (q *query) ownerBefore(name string) owner {
	around := q.around(name)
	self := q.rankOf(name, q.reservedForSelf(around))
	for _, e := range around {
		if found := q.ownerAmong(name, e, self); !found.none() {
			return found
		}
	}
	return owner{}
}

// reservedForSelf reports whether the certificate's own namespace recently released the name or one that overlaps with it.
func (q *query) reservedForSelf(around []named) bool {
	return slices.ContainsFunc(around, func(e named) bool {
		return e.reserved == q.self.Key.Namespace && q.now.Before(e.until)
	})
}

// ownerAmong returns who has precedence for e, a name that overlaps with name, over the certificate of the query.
func (q *query) ownerAmong(name string, e named, self rank) owner {
	if self < holder && e.reserved != "" && e.reserved != q.self.Key.Namespace && q.now.Before(e.until) && q.judge.AllowsName(e.reserved, e.name) {
		return owner{namespace: e.reserved, until: e.until}
	}
	for _, rival := range e.claims {
		if rival == q.self || rival.Key.Namespace == q.self.Key.Namespace && (e.name != name || rival.Deleting) {
			continue
		}
		if q.beats(rival, e.name, self) {
			return owner{namespace: rival.Key.Namespace, name: rival.Key.Name}
		}
	}
	return owner{}
}

// rank is how strong a claim to a name is.
type rank int

// Ranks. A name that a certificate owns and that policies no longer allow goes only to one that may have it: while policies
// are missing for a moment, names stay with their owners.
const (
	none      rank = iota
	disputed       // owns it, and policies no longer allow it for the namespace
	candidate      // does not own it, and may have it
	holder         // owns it, and may have it
)

// beats reports whether a rival has precedence for a name over the certificate of the query: the stronger claim wins, and of
// equal ones the older, so that the result is stable.
func (q *query) beats(rival *claim, name string, self rank) bool {
	older := compareAge(rival, q.self) < 0
	needed := self + 1
	if older {
		needed = self
	}
	return needed > none && q.rankAtLeast(rival, name, needed)
}

// rankAtLeast calls the judge only if needed.
func (q *query) rankAtLeast(rival *claim, name string, needed rank) bool {
	has := rival.hasName(name)
	switch {
	case needed > holder:
		return false
	case has && needed <= disputed:
		return true
	case has:
		return q.allows(rival, name) || needed <= candidate && q.mayWant(rival)
	}
	return needed <= candidate && q.mayWant(rival)
}

func (q *query) mayWant(rival *claim) bool { return !rival.Deleting && rival.Valid && q.mayHave(rival) }

// rankOf returns the rank of the certificate of the query.
func (q *query) rankOf(name string, reserved bool) rank {
	has := q.self.hasName(name)
	switch {
	case has && q.allows(q.self, name), reserved && q.admitted:
		return holder
	case q.admitted:
		return candidate
	case has:
		return disputed
	}
	return none
}

// holderOf returns a certificate of another namespace that owns name.
func (q *query) holderOf(name string) owner {
	for _, e := range q.around(name) {
		for _, rival := range e.claims {
			if rival.Key.Namespace != q.self.Key.Namespace && rival.hasName(e.name) && q.allows(rival, e.name) {
				return owner{namespace: rival.Key.Namespace, name: rival.Key.Name}
			}
		}
	}
	return owner{}
}

func (q *query) allows(of *claim, name string) bool {
	return q.judge.AllowsName(of.Key.Namespace, name)
}

func (q *query) mayHave(rival *claim) bool {
	may, known := q.may[rival.UID]
	if !known {
		may = q.judge.Admitted(rival.Key)
		q.may[rival.UID] = may
	}
	return may
}
