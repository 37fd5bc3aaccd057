// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// nextStepDelay is when to take the next of several steps.
const nextStepDelay = 100 * time.Millisecond

// former has the own objects at a gateway that an ingress controller now manages. They are renewed until the ingress
// controller's objects have the certificate, and are then deleted.
type former struct{ ours }

// addOwnObjects adds the own objects to a state.
func (f former) addOwnObjects(s *State, t Target) {
	s.Former, s.PreRestore = f.current(t), f.preRestore(t)
}

// planFormer plans for a gateway that also has own objects. next is the plan for the ingress controller's objects. It is
// pure.
func planFormer(s State, t Target, next Action) Action {
	stale := stale(s, t)
	switch {
	case len(s.Former)+len(s.PreRestore) == 0:
		return next
	case len(s.Former) == 0 && !replaced(s, t) && t.Unfit == nil:
		return Action{Verb: ActionPut, RequeueAfter: nextStepDelay, Why: "replaces an object from before a restore"}
	case len(stale) > 0 && next.Verb == ActionPatch:
		next.IDs = append(stale, next.IDs...)
		return next
	case len(stale) > 0 && next.RequeueAfter > 0 && next.Verb != ActionMake:
		return Action{Verb: ActionPatch, IDs: stale, RequeueAfter: next.RequeueAfter, Why: "the own object serves until the ingress controller's does"}
	case len(stale) > 0:
		return Action{Verb: ActionPatch, IDs: stale, RequeueAfter: nextStepDelay, Why: "the own object serves until the ingress controller's does"}
	case replaced(s, t):
		return Action{Verb: ActionDrop, RequeueAfter: nextStepDelay, Why: "the ingress controller's object has the certificate"}
	case (next.Verb == ActionWait || next.Verb == ActionIdle) && len(s.Former) > 0:
		return Action{Verb: ActionKeep, RequeueAfter: next.RequeueAfter} // the own object has the target
	}
	return next
}

// stale returns the ids of own objects that differ from the target and can be written.
func stale(s State, t Target) []string {
	var ids []string
	for _, o := range s.Former {
		if !t.keyless() && (s.forceWrite || !t.matches(o) || !inventory.SameHosts(o.Hosts, t.Hosts)) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// replaced reports whether the ingress controller's objects have the certificate for every host of the own object, and the
// last write was verified.
func replaced(s State, t Target) bool {
	synced := func(host string) bool {
		return slices.ContainsFunc(s.Objects, func(o Object) bool { return o.Enabled && t.matches(o) && slices.Contains(o.Hosts, host) })
	}
	hosts := t.Hosts
	if len(s.Former) > 0 {
		hosts = s.Former[0].Hosts
	}
	for _, host := range hosts {
		if slices.Contains(t.Hosts, host) && !synced(host) {
			return false
		}
	}
	return !s.Adoption.ReadBack
}

// replacePreRestore replaces objects from before a restore by one with the target's id.
func (f former) replacePreRestore(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	object, err := f.write(ctx, t, false, action.Why)
	if err != nil {
		return s, action, err
	}
	s.Former = []Object{object}
	if err := f.dropPreRestore(ctx, t, s.PreRestore); err != nil {
		return s, action, err
	}
	s.PreRestore = nil
	return s, action, nil
}

// renew writes the target into an existing own object. A missing object is not created again.
func (f former) renew(ctx context.Context, s *State, t Target, id, why string) error {
	i := slices.IndexFunc(s.Former, func(o Object) bool { return o.ID == id })
	if i < 0 || !f.isOf(s.Former[i], t) {
		return nil
	}
	if err := apisix.CheckPair(t.Cert, t.Key, f.Clock.Now()); err != nil {
		return err
	}
	now := s.Former[i]
	now.Hosts, now.Fingerprint, now.Serial, now.Reference = t.Hosts, t.Fingerprint, t.Serial, ""
	err := f.Patch(ctx, writeOf(t, why), apisix.SSLPatch{Cert: string(t.Cert), Key: string(t.Key), SNIs: t.Hosts}, now)
	switch {
	case apisix.IsNotFound(err):
		s.removeObject(id)
		return nil
	case err != nil:
		return err
	}
	s.replaceObject(now)
	return nil
}

// dropReplaced deletes the own objects after it has read the ingress controller's objects again and they have the
// certificate.
func (f former) dropReplaced(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	for _, o := range s.Objects {
		now, err := f.Read(ctx, o.ID)
		switch {
		case apisix.IsNotFound(err):
			s.removeObject(o.ID)
		case err != nil:
			return s, action, err
		default:
			s.replaceObject(now)
		}
	}
	if !replaced(s, t) {
		return s, Action{Verb: ActionKeep, RequeueAfter: nextStepDelay}, nil
	}
	if err := f.dropAll(ctx, s, t, action.Why); err != nil {
		return s, action, err
	}
	s.Former, s.PreRestore = nil, nil
	return s, action, nil
}

// dropAll deletes the target's own objects that the inventory has.
func (f former) dropAll(ctx context.Context, s State, t Target, why string) error {
	if err := f.dropKnown(ctx, t, why); err != nil {
		return err
	}
	return f.dropPreRestore(ctx, t, s.PreRestore)
}
