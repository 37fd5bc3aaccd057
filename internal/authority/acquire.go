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
	// Owned may be issued for, served and kept, in the order of the spec.
	Owned []string
	// Conflict says which name belongs to another namespace. Empty: none does.
	Conflict string
	// Yielded are names that an older certificate of the same namespace has: issued for, and served by that one.
	Yielded []string
	// Retry is when a name that is reserved for another namespace is free. Zero: nothing is waited for.
	Retry time.Time
}

// All reports whether nothing that was asked for belongs to another namespace.
func (n Names) All() bool { return n.Conflict == "" }

// Acquire gives a certificate the names that nobody has before it, and keeps them for it from now on. admitted says whether
// the certificate may get names that it does not have yet. Between namespaces a wildcard and the hosts below it are one;
// within a namespace they stand side by side, and only an equal name is given to one certificate alone.
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
			n.Yielded = append(n.Yielded, name)
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

// owner is who has a name before the certificate that asks.
type owner struct {
	namespace, name string
	until           time.Time // of a reservation
}

func (o owner) none() bool { return o.namespace == "" }

func (o owner) text(host string) string {
	if o.name == "" {
		return fmt.Sprintf("host %s belonged to namespace %s until a moment ago, which may take it back first: wait, or use the host there", host, o.namespace)
	}
	return fmt.Sprintf("host %s belongs to namespace %s (ApisixCertificate %s): remove it here or there", host, o.namespace, o.name)
}

// query is one Acquire.
type query struct {
	*Claims
	self     *claim
	admitted bool
	judge    Judge
	may      map[types.UID]bool // what the judge said already
	now      time.Time
}

// ownerBefore is who has name, or one that overlaps with it, before the certificate that asks.
func (q *query) ownerBefore(name string) owner {
	around := q.around(name)
	holds := q.self.hasName(name) && q.allows(q.self, name) || q.reservedForSelf(around)
	for _, e := range around {
		if found := q.before(name, e, holds); !found.none() {
			return found
		}
	}
	return owner{}
}

// reservedForSelf reports whether the certificate's own namespace gave up the name, or one that overlaps with it, a moment ago.
func (q *query) reservedForSelf(around []named) bool {
	return slices.ContainsFunc(around, func(e named) bool {
		return e.reserved == q.self.Key.Namespace && q.now.Before(e.until) && q.admitted
	})
}

// before is who has e, a name that overlaps with name, before the certificate that asks. holds: that has it already.
func (q *query) before(name string, e named, holds bool) owner {
	if !holds && e.reserved != "" && e.reserved != q.self.Key.Namespace && q.now.Before(e.until) && q.judge.AllowsName(e.reserved, e.name) {
		return owner{namespace: e.reserved, until: e.until}
	}
	for _, rival := range e.claims {
		if rival == q.self || rival.Key.Namespace == q.self.Key.Namespace && (e.name != name || rival.Deleting) {
			continue
		}
		if q.beats(rival, e.name, holds) {
			return owner{namespace: rival.Key.Namespace, name: rival.Key.Name}
		}
	}
	return owner{}
}

// beats reports whether a rival has a name before the certificate that asks: who has it keeps it, whatever an older object
// is changed to; of those who have not, who may have it; then the older one. So two that want one name settle, and stay so.
func (q *query) beats(rival *claim, name string, holds bool) bool {
	has := rival.hasName(name) && q.allows(rival, name)
	switch {
	case has != holds:
		return has
	case has:
		return compareAge(rival, q.self) < 0
	case rival.Deleting || !rival.Valid:
		return false
	case compareAge(rival, q.self) < 0:
		return q.mayHave(rival) || !q.admitted
	}
	return !q.admitted && q.mayHave(rival)
}

// holderOf is a certificate of another namespace that has name.
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
