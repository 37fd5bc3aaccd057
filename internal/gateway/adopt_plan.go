// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"time"
)

const (
	// controllerGrace is how long an ingress controller is given to make or change its object by itself. Measured: 30 ms
	// for 1.8, 70 ms for 2.x and 400 ms with 1,000 objects.
	controllerGrace = 5 * time.Second
	// waitAgain is how soon to look while the controller is waited for at first, waitLong after a while without it.
	waitInterval    = 2 * time.Second
	maxWaitInterval = 30 * time.Second
	// readBack is when a write is looked at again: a sync that was in flight may have put the old certificate back.
	readBackDelay = 3 * time.Second
	// undoneLimit writes of one certificate that were all undone are enough: more follow after undoneWait, twice that,
	// and so on up to undoneMost.
	revertLimit      = 3
	revertBackoff    = 30 * time.Second
	maxRevertBackoff = 5 * time.Minute
)

// Undone reports whether so many writes were undone that the target is left alone for a while.
func (a Adoption) Reverted() bool { return a.Patches >= revertLimit }

// hold is how long to leave the objects alone; zero: they may be written.
func (a Adoption) backoff() time.Duration {
	switch {
	case a.Patches == 0:
		return 0
	case !a.Reverted():
		return max(readBackDelay-a.SincePatch, 0)
	}
	wait := maxRevertBackoff
	if doublings := a.Patches - revertLimit; doublings < 4 {
		wait = min(revertBackoff<<doublings, maxRevertBackoff)
	}
	return max(wait-a.SincePatch, 0)
}

// makeable reports whether the object can be written in the ingress controller's stead: where and how is known, and it
// would write it itself. An object that requires a certificate of clients is never made, as it would not require it.
func (m Missing) canMake() bool {
	if m.Version == "" || m.IDTaken || m.Unserved || len(m.Hosts) == 0 {
		return false
	}
	return m.Exists || !m.Reference.RequiresClientCert && !(m.Reference.HostsFromRules && !m.Version.ServesHostsFromRules())
}

// planAdopt plans for the ingress controller's objects. It is pure.
func planAdopt(s State, t Target) Action {
	a := s.Adoption
	a.Missing = slices.DeleteFunc(slices.Clone(a.Missing), func(m Missing) bool { return m.OtherController })
	var old, all []string
	for _, o := range s.Objects {
		all = append(all, o.ID)
		if !t.matches(o) {
			old = append(old, o.ID)
		}
	}
	switch {
	case s.forceWrite && len(all) > 0:
		return Action{Verb: ActionPatch, IDs: all, RequeueAfter: readBackDelay, Why: "the gateway does not serve it"}
	case len(old) > 0 && a.backoff() > 0:
		return Action{Verb: ActionBackOff, RequeueAfter: a.backoff()}
	case len(old) > 0 && s.Carrying():
		return Action{Verb: ActionWait, RequeueAfter: nextCheck(s.Age, a.HeadStart)}
	case len(old) > 0:
		return Action{Verb: ActionPatch, IDs: old, RequeueAfter: readBackDelay, Why: "the ingress controller has not carried it"}
	case len(a.Missing) > 0:
		return planMissing(a)
	case len(s.Objects) == 0:
		return Action{Verb: ActionIdle, RequeueAfter: maxWaitInterval} // an object that refers to the Secret is an event
	case a.ReadBack:
		return Action{Verb: ActionKeep, RequeueAfter: max(readBackDelay-a.SincePatch, time.Second)}
	}
	return Action{Verb: ActionKeep}
}

// nextLook is when to look whether the controller has carried the certificate: once on the way, to know how fast it is.
func nextCheck(age, headStart time.Duration) time.Duration {
	if early := headStart * 2 / 5; age < early {
		return early - age
	}
	return headStart - age
}

func planMissing(a Adoption) Action {
	if a.MissingFor < controllerGrace {
		return Action{Verb: ActionWait, RequeueAfter: min(waitInterval, controllerGrace-a.MissingFor)}
	}
	var ids []string
	for _, m := range a.Missing {
		if m.canMake() {
			ids = append(ids, m.ID)
		}
	}
	switch {
	case len(ids) == 0:
		return Action{Verb: ActionWait, RequeueAfter: min(max(a.MissingFor/4, waitInterval), maxWaitInterval)}
	case a.backoff() > 0:
		return Action{Verb: ActionBackOff, RequeueAfter: a.backoff()}
	}
	return Action{Verb: ActionMake, IDs: ids, RequeueAfter: readBackDelay, Why: "the ingress controller has not made it"}
}
