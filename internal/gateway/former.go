// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// soon is when to take the next step of several.
const nextStepDelay = 100 * time.Millisecond

// former are our own objects at a gateway that an ingress controller keeps now. Until its objects are seen to carry the
// certificate they serve, and are renewed; then they go.
type former struct{ ours }

// addTo adds what there is of them to a state.
func (f former) addOwnObjects(s *State, t Target) {
	s.Former, s.PreRestore = f.current(t), f.preRestore(t)
}

// planFormer is what to do with a gateway that has own objects too, where next is what to do with the ingress controller's.
// It is pure.
func planFormer(s State, t Target, next Action) Action {
	stale := stale(s, t)
	switch {
	case len(s.Former)+len(s.PreRestore) == 0:
		return next
	case len(s.Former) == 0 && !replaced(s, t) && t.Unfit == nil:
		return Action{Verb: ActionPut, RequeueAfter: nextStepDelay, Why: "an object of before a restore is to be replaced"}
	case len(stale) > 0 && next.Verb == ActionPatch:
		next.IDs = append(stale, next.IDs...)
		return next
	case len(stale) > 0 && next.RequeueAfter > 0 && next.Verb != ActionMake:
		return Action{Verb: ActionPatch, IDs: stale, RequeueAfter: next.RequeueAfter, Why: "our own object serves until the ingress controller's does"}
	case len(stale) > 0:
		return Action{Verb: ActionPatch, IDs: stale, RequeueAfter: nextStepDelay, Why: "our own object serves until the ingress controller's does"}
	case replaced(s, t):
		return Action{Verb: ActionDrop, RequeueAfter: nextStepDelay, Why: "the ingress controller's object carries the certificate"}
	case (next.Verb == ActionWait || next.Verb == ActionIdle) && len(s.Former) > 0:
		return Action{Verb: ActionKeep, RequeueAfter: next.RequeueAfter} // the gateway has it
	}
	return next
}

// stale are the ids of own objects that are not as the target, and can be written.
func stale(s State, t Target) []string {
	var ids []string
	for _, o := range s.Former {
		if !t.keyless() && (s.forceWrite || !t.matches(o) || !inventory.SameHosts(o.Hosts, t.Hosts)) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// replaced reports whether the ingress controller's objects carry the certificate for every host that an own object
// serves of it, and the last write of ours has been seen to last.
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

// replaceLeft replaces objects of before a restore by one with the target's id.
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

// renew puts the target into an own object that is there. One that is gone is not made again.
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

// dropReplaced deletes the own objects once the ingress controller's have been read again and carry the certificate.
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

// dropAll deletes the target's own objects that are known.
func (f former) dropAll(ctx context.Context, s State, t Target, why string) error {
	if err := f.dropKnown(ctx, t, why); err != nil {
		return err
	}
	return f.dropPreRestore(ctx, t, s.PreRestore)
}
