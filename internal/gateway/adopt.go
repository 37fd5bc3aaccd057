// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
	"apisix-certs.io/apisix-certs/internal/gateway/memory"
)

const (
	// relistAge is the maximum age of the inventory while an object is missing.
	relistAge = 10 * time.Second
	// conflictTries is how often an object is read and patched again after a conflict with another client's write.
	conflictTries = 3
)

// adoptMode patches new certificates into the ssl objects of an ingress controller.
type adoptMode struct {
	former
	theirs theirs
	memory *memory.Memory
	resync time.Duration
}

// observe finds the ingress controller's objects in the inventory. It reads them from the gateway where the inventory may
// be outdated: after a write, during the controller's head start, and while an object is missing.
func (m adoptMode) observe(ctx context.Context, t Target) (State, error) {
	s := State{Mode: ModeAdopt, hasObjects: true}
	if err := m.EnsureFresh(ctx, m.resync); err != nil {
		return s, err
	}
	known := m.memory.Get(t.UID, t.Fingerprint, m.Clock.Now())
	objects, missing, err := m.findObjects(ctx, t, known)
	if err != nil {
		return s, err
	}
	synced := allMatch(objects, t)
	if synced && known.ReadBack && known.SinceWrite >= readBackDelay {
		m.memory.Confirm(t.UID)
		known.ReadBack = false
	}
	s.Objects, s.Age = objects, known.Age
	s.Adoption = Adoption{Patches: known.Writes, SincePatch: known.SinceWrite, ReadBack: known.ReadBack}
	m.addOwnObjects(&s, t)
	if len(s.Former) == 0 && len(objects) > 0 {
		s.Adoption.HeadStart = m.memory.Await(t.UID, synced, m.Clock.Now())
	}
	s.Adoption.Missing, s.Adoption.MissingFor = missing, m.memory.Missing(t.UID, len(missing) > 0, m.Clock.Now())
	return s, nil
}

func (m adoptMode) findObjects(ctx context.Context, t Target, known memory.Known) ([]Object, []Missing, error) {
	objects, missing := m.theirs.locate(t)
	if known.ReadBack && known.SinceWrite >= readBackDelay || known.Awaited && !allMatch(objects, t) {
		if err := m.ReadAll(ctx, idsOf(objects)...); err != nil {
			return nil, nil, err
		}
		objects, missing = m.theirs.locate(t)
	}
	if len(missing) == 0 {
		return objects, missing, nil
	}
	if err := m.readMissing(ctx, t, missing); err != nil {
		return nil, nil, err
	}
	objects, missing = m.theirs.locate(t)
	return objects, missing, nil
}

// readMissing reads objects that the inventory does not have: those with the computed ids, and from time to time all.
func (m adoptMode) readMissing(ctx context.Context, t Target, missing []Missing) error {
	for _, one := range missing {
		for _, version := range []ingresscontroller.Version{ingresscontroller.V18, ingresscontroller.V2} {
			if one.Version == "" || one.Version == version {
				if err := m.ReadAll(ctx, version.ID(one.Reference.source(t.SecretName))); err != nil {
					return err
				}
			}
		}
	}
	if _, missing = m.theirs.locate(t); len(missing) == 0 {
		return nil
	}
	return m.EnsureFresh(ctx, relistAge)
}

func idsOf(objects []Object) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.ID)
	}
	return all
}

func allMatch(objects []Object, t Target) bool {
	return !slices.ContainsFunc(objects, func(o Object) bool { return !t.matches(o) })
}

func (m adoptMode) plan(s State, t Target) Action { return planFormer(s, t, planAdopt(s, t)) }

func (m adoptMode) apply(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	switch action.Verb {
	case ActionPatch:
		return m.patch(ctx, s, t, action)
	case ActionMake:
		return m.make(ctx, s, t, action)
	case ActionPut:
		return m.replacePreRestore(ctx, s, t, action)
	case ActionDrop:
		return m.dropReplaced(ctx, s, t, action)
	}
	return s, action, nil
}

// patch writes certificate and key into objects. Each of the ingress controller's objects is read first: usually the
// controller has already synced the Secret, and a concurrent write would only conflict. For an object that does not exist,
// the action becomes ActionWait.
func (m adoptMode) patch(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	if err := apisix.CheckPair(t.Cert, t.Key, m.Clock.Now()); err != nil {
		return s, action, err
	}
	wrote := false
	for _, id := range action.IDs {
		if id == m.id(t) {
			if err := m.renew(ctx, &s, t, id, action.Why); err != nil {
				return s, action, err
			}
			continue
		}
		object, written, err := m.patchOne(ctx, t, id, action.Why, s.forceWrite)
		switch {
		case apisix.IsNotFound(err):
			s.removeObject(id)
			action = Action{Verb: ActionWait, RequeueAfter: waitInterval}
			continue
		case err != nil:
			return s, action, err
		}
		wrote = wrote || written
		s.replaceObject(object)
	}
	switch {
	case wrote && !s.forceWrite:
		m.memory.Wrote(t.UID, m.Clock.Now())
	case !wrote && allMatch(s.Objects, t):
		m.memory.Await(t.UID, true, m.Clock.Now())
	}
	return s, action, nil
}

// patchOne patches one object unless it has the target's certificate. With force it is patched even then, as its key may be
// another one.
func (m adoptMode) patchOne(ctx context.Context, t Target, id, why string, force bool) (object Object, written bool, err error) {
	for range conflictTries {
		if object, err = m.Read(ctx, id); err != nil || t.matches(object) && !force {
			return object, false, err
		}
		object.Fingerprint, object.Serial = t.Fingerprint, t.Serial
		err = m.Patch(ctx, writeOf(t, why), apisix.SSLPatch{Cert: string(t.Cert), Key: string(t.Key)}, object)
		if !apisix.IsConflict(err) {
			return object, err == nil, err
		}
		force = false // the controller has written in between, usually the same certificate
	}
	return object, false, err
}

// make writes the missing objects as the ingress controller would: under its ids, with its labels and none of this
// controller's, so that it takes ownership of them. Of an existing object, only what differs is changed.
func (m adoptMode) make(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	if err := apisix.CheckPair(t.Cert, t.Key, m.Clock.Now()); err != nil {
		return s, action, err
	}
	for _, one := range s.Adoption.Missing {
		if !slices.Contains(action.IDs, one.ID) {
			continue
		}
		object, err := m.makeOne(ctx, t, one, action.Why)
		if err != nil {
			return s, action, err
		}
		s.removeObject(one.ID)
		s.Objects = append(s.Objects, object)
	}
	m.memory.Wrote(t.UID, m.Clock.Now())
	return m.dropStrays(ctx, s, t, action)
}

func (m adoptMode) makeOne(ctx context.Context, t Target, one Missing, why string) (Object, error) {
	ssl := apisix.SSL{ID: one.ID, SNIs: one.Hosts, Cert: string(t.Cert), Key: string(t.Key), Labels: m.theirs.labelsFor(one.Version, one.Reference, t)}
	why = fmt.Sprintf("%s for %s %s/%s", why, one.Reference.Kind, one.Reference.Namespace, one.Reference.Name)
	if !one.Exists {
		return m.Put(ctx, writeOf(t, why), ssl, false)
	}
	now := inventory.NewObject(&ssl)
	return now, m.Patch(ctx, writeOf(t, why), apisix.SSLPatch{Cert: ssl.Cert, Key: ssl.Key, SNIs: ssl.SNIs, Labels: ssl.Labels}, now)
}

// dropStrays deletes 1.8 objects with the target's Secret that belong to no reference any more. After a change of an
// Ingress's hosts the id changes, and a controller that did not see the change never deletes the old object.
func (m adoptMode) dropStrays(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	for _, o := range m.theirs.leftovers(t) {
		if !ofSecret(o, t) {
			continue
		}
		if err := m.deleteTheirs(ctx, t, o.ID, "no object references its Secret for these hosts any more"); err != nil {
			return s, action, err
		}
		s.removeObject(o.ID)
	}
	return s, action, nil
}

func (m adoptMode) deleteTheirs(ctx context.Context, t Target, id, why string) error {
	return m.Delete(ctx, writeOf(t, why), id, func(o Object) bool { return isLeftover(o, t) })
}

// remove deletes this controller's own object at once. It is done when the ingress controller has deleted its objects.
// Objects that remain after the grace period are deleted, for example if the Secret of a 1.8 controller was deleted first.
// They are then checked once more, as a sync in progress may recreate them.
func (m adoptMode) remove(ctx context.Context, t Target, how removal) (done bool, err error) {
	if how.ownOnly {
		if err := m.EnsureFresh(ctx, m.resync); err != nil {
			return false, err
		}
		err := m.dropKnown(ctx, t, "the certificate no longer has any of its hosts, or no longer uses the gateway")
		return err == nil, err
	}
	if err := m.List(ctx); err != nil {
		return false, err
	}
	if err := m.dropAll(ctx, State{PreRestore: m.preRestore(t)}, t, "its ApisixCertificate is deleted"); err != nil {
		return false, err
	}
	left := m.theirs.leftovers(t)
	if len(left) == 0 {
		m.memory.Forget(t.UID)
		return true, nil
	}
	if !how.overdue {
		return false, nil
	}
	for _, o := range left {
		if err := m.deleteTheirs(ctx, t, o.ID, "the ingress controller did not delete it, and its ApisixCertificate is deleted"); err != nil {
			return false, err
		}
	}
	return false, nil
}
