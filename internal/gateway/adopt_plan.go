// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"time"
)

const (
	// controllerGrace is how long an ingress controller may take to create or change its object. Measured: 30 ms for 1.8,
	// 70 ms for 2.x, and 400 ms with 1,000 objects.
	controllerGrace = 5 * time.Second
	// waitInterval is how soon to check again while waiting for the controller at first, maxWaitInterval after a while.
	waitInterval    = 2 * time.Second
	maxWaitInterval = 30 * time.Second
	// readBackDelay is when to verify a write: a sync in progress may have restored the old certificate.
	readBackDelay = 3 * time.Second
	// revertLimit is how many writes of one certificate may be reverted before the next write is delayed, at first by
	// revertBackoff, then twice that, up to maxRevertBackoff.
	revertLimit      = 3
	revertBackoff    = 30 * time.Second
	maxRevertBackoff = 5 * time.Minute
)

// Reverted reports whether so many writes were reverted that the target is not written for a while.
func (a Adoption) Reverted() bool { return a.Patches >= revertLimit }

// backoff returns how long to wait before the next write. Zero means that the objects may be written now.
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

// canMake reports whether this controller may create the object in place of the ingress controller: its id and version are
// known, and the ingress controller would create it. An object that requires client certificates is never created, as the
// new one would not require them.
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
	case len(old) > 0 && s.Syncing():
		return Action{Verb: ActionWait, RequeueAfter: nextCheck(s.Age, a.HeadStart)}
	case len(old) > 0:
		return Action{Verb: ActionPatch, IDs: old, RequeueAfter: readBackDelay, Why: "the ingress controller has not synced it"}
	case len(a.Missing) > 0:
		return planMissing(a)
	case len(s.Objects) == 0:
		return Action{Verb: ActionIdle, RequeueAfter: maxWaitInterval} // an object that references the Secret triggers a run
	case a.ReadBack:
		return Action{Verb: ActionKeep, RequeueAfter: max(readBackDelay-a.SincePatch, time.Second)}
	}
	return Action{Verb: ActionKeep}
}

// nextCheck is when to check whether the controller has synced the certificate: once during the head start, to measure how
// fast it is.
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
	return Action{Verb: ActionMake, IDs: ids, RequeueAfter: readBackDelay, Why: "the ingress controller has not created it"}
}
