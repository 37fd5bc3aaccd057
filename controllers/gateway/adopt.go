// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"time"
)

// Adoption is how a target stands beside an ingress controller.
type Adoption struct {
	// Missing are the uses for which the ingress controller has no ssl object as it should be. Alone is for how long
	// there have been any.
	Missing []Missing
	Alone   time.Duration
	// Patches counts the writes of this certificate so far, SincePatch is the time since the last one; no longer than a
	// restart ago. With an object that holds another certificate, all of them were undone.
	Patches    int
	SincePatch time.Duration
	// ReadBack: the last write has not been looked at again yet.
	ReadBack bool
}

// Missing is a use without a fitting ssl object.
type Missing struct {
	Use Use
	// Line is that of the ingress controller that should make the object; empty: unknown. ID is the object's.
	Line Line
	ID   string
	// There: an object with this ID is there, of this use but with other hosts.
	There bool
	// Taken: an object with this ID is there, and belongs to something else.
	Taken bool
}

// makeable tells whether the object can be written in the ingress controller's stead: where and how is known. An object
// that asks clients for a certificate is never made, as it would not ask.
func (m Missing) makeable() bool {
	if m.Line == "" || m.Taken {
		return false
	}
	return m.There || !m.Use.Mutual && !(m.Line == Line18 && m.Use.Implicit)
}

const (
	// controllerGrace is how long an ingress controller is given to make or change its object by itself. Measured: 30 ms
	// for 1.8, 70 ms for 2.x and 400 ms with 1,000 objects.
	controllerGrace = 5 * time.Second
	// waitAgain is how soon to look while the controller is waited for, waitLong after a while without it.
	waitAgain = 2 * time.Second
	waitLong  = 30 * time.Second
	// readBack is when a write is looked at again: a sync that was in flight may have put the old certificate back.
	readBack = 3 * time.Second
	// undoneLimit writes of one certificate that were all undone are enough: more follow after undoneWait, twice that,
	// and so on up to undoneMost.
	undoneLimit = 3
	undoneWait  = 30 * time.Second
	undoneMost  = 5 * time.Minute
)

// Undone tells whether so many writes were undone that the target is left alone for a while.
func (a Adoption) Undone() bool { return a.Patches >= undoneLimit }

// hold is how long to leave the objects alone; zero: they may be written.
func (a Adoption) hold() time.Duration {
	switch {
	case a.Patches == 0:
		return 0
	case !a.Undone():
		return max(readBack-a.SincePatch, 0)
	}
	wait := undoneMost
	if doublings := a.Patches - undoneLimit; doublings < 4 {
		wait = min(undoneWait<<doublings, undoneMost)
	}
	return max(wait-a.SincePatch, 0)
}

// planAdopt plans for a gateway whose ssl objects are an ingress controller's. It is pure.
func planAdopt(s State, t Target) Action {
	a := s.Adoption
	var old []string
	for _, o := range s.Objects {
		if !o.holds(t) {
			old = append(old, o.ID)
		}
	}
	switch {
	case len(old) > 0 && a.hold() > 0:
		return Action{Verb: Yield, Again: a.hold()}
	case len(old) > 0:
		return Action{Verb: Patch, IDs: old, Again: readBack}
	case len(a.Missing) > 0:
		return planMissing(a)
	case len(s.Objects) == 0:
		return Action{Verb: Wait, Again: waitLong} // nothing uses the Secret; an object that does is an event
	case a.ReadBack:
		return Action{Verb: Keep, Again: max(readBack-a.SincePatch, time.Second)}
	}
	return Action{Verb: Keep}
}

func planMissing(a Adoption) Action {
	if a.Alone < controllerGrace {
		return Action{Verb: Wait, Again: min(waitAgain, controllerGrace-a.Alone)}
	}
	var ids []string
	for _, m := range a.Missing {
		if m.makeable() {
			ids = append(ids, m.ID)
		}
	}
	switch {
	case len(ids) == 0:
		return Action{Verb: Wait, Again: waitLong}
	case a.hold() > 0:
		return Action{Verb: Yield, Again: a.hold()}
	}
	return Action{Verb: Make, IDs: ids, Again: readBack}
}

// observeAdopted looks for the ingress controller's objects in the inventory, and at the gateway itself where the
// inventory may be behind: after a write of ours, and while an object is missing.
func (g *Gateway) observeAdopted(ctx context.Context, t Target) (State, error) {
	known := g.memory.of(t, g.Clock.Now())
	objects, missing := g.find(t)
	if known.ReadBack && known.SincePatch >= readBack {
		if err := g.readAll(ctx, objects); err != nil {
			return State{Mode: Adopt}, err
		}
		objects, missing = g.find(t)
		if allHold(objects, t) {
			g.memory.confirm(t)
			known.ReadBack = false
		}
	}
	if len(missing) > 0 {
		if err := g.look(ctx, t, missing); err != nil {
			return State{Mode: Adopt}, err
		}
		objects, missing = g.find(t)
	}
	s := State{Mode: Adopt, Objects: objects, Age: known.age, Adoption: known.Adoption}
	s.Adoption.Missing, s.Adoption.Alone = missing, g.memory.missing(t, len(missing) > 0, g.Clock.Now())
	return s, nil
}

func allHold(objects []Object, t Target) bool {
	for _, o := range objects {
		if !o.holds(t) {
			return false
		}
	}
	return true
}
