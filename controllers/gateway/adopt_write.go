// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"slices"

	"apisix-certs.io/apisix-certs/apisix"
)

// conflictTries is how often an object is read and patched while somebody else writes it too.
const conflictTries = 3

// patch puts certificate and key into the ingress controller's objects. Each is read first: the controller has mostly
// carried the Secret by itself, and a write beside its own write would only conflict. An object that is gone is waited
// for.
func (g *Gateway) patch(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	if err := apisix.CheckPair(t.Cert, t.Key, g.Clock.Now()); err != nil {
		return s, action, err
	}
	wrote := false
	for _, id := range action.IDs {
		object, written, err := g.patchOne(ctx, t, id, false)
		switch {
		case apisix.IsNotFound(err):
			s.Objects = slices.DeleteFunc(s.Objects, func(o Object) bool { return o.ID == id })
			action = Action{Verb: Wait, Again: waitAgain}
			continue
		case err != nil:
			return s, action, err
		}
		wrote = wrote || written
		s.replace(object)
	}
	if wrote {
		g.memory.wrote(t, g.Clock.Now())
	}
	return s, action, nil
}

// replace puts object in the place of the one with its id.
func (s *State) replace(object Object) {
	s.Objects = slices.Clone(s.Objects)
	for i := range s.Objects {
		if s.Objects[i].ID == object.ID {
			s.Objects[i] = object
		}
	}
}

// patchOne patches one object unless it holds the target, or even then where force is set: its key may be another's.
func (g *Gateway) patchOne(ctx context.Context, t Target, id string, force bool) (object Object, written bool, err error) {
	for range conflictTries {
		if object, err = g.read(ctx, id); err != nil || object.holds(t) && !force {
			return object, false, err
		}
		err = g.patchSSL(ctx, id, apisix.SSLPatch{Cert: string(t.Cert), Key: string(t.Key)})
		if err == nil {
			object.Fingerprint, object.Serial = t.Fingerprint, t.Serial
			g.inventory.record(object)
			return object, true, nil
		}
		if apisix.IsNotFound(err) {
			g.inventory.forget(id)
		}
		if !apisix.IsConflict(err) {
			break
		}
		force = false // the controller wrote meanwhile, mostly the same certificate
	}
	return object, false, fmt.Errorf("patch ssl object %s: %w", id, err)
}

func (g *Gateway) patchSSL(ctx context.Context, id string, patch apisix.SSLPatch) error {
	done, err := g.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	return g.Admin.PatchSSL(ctx, id, patch)
}

// patchAgain patches all objects whatever they seem to hold.
func (g *Gateway) patchAgain(ctx context.Context, s State, t Target) (State, error) {
	for _, o := range s.Objects {
		object, _, err := g.patchOne(ctx, t, o.ID, true)
		if apisix.IsNotFound(err) {
			s.Objects = slices.DeleteFunc(slices.Clone(s.Objects), func(other Object) bool { return other.ID == o.ID })
			continue
		}
		if err != nil {
			return s, err
		}
		s.replace(object)
	}
	return s, nil
}

// make writes the missing objects as the ingress controller would: under its ids, with its labels and nothing of ours,
// so that it takes them over. Of an object that is there only what must change is changed.
func (g *Gateway) make(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	if err := apisix.CheckPair(t.Cert, t.Key, g.Clock.Now()); err != nil {
		return s, action, err
	}
	for _, m := range s.Adoption.Missing {
		if !slices.Contains(action.IDs, m.ID) {
			continue
		}
		labels := g.controllerLabels(m.Line, m.Use, t)
		if err := g.makeOne(ctx, t, m, labels); err != nil {
			return s, action, err
		}
		object := Object{ID: m.ID, Hosts: m.Use.Hosts, labels: labelsOf(labels), Fingerprint: t.Fingerprint, Serial: t.Serial, Enabled: true}
		g.inventory.record(object)
		s.Objects = append(slices.DeleteFunc(slices.Clone(s.Objects), func(o Object) bool { return o.ID == m.ID }), object)
	}
	g.memory.wrote(t, g.Clock.Now())
	return g.dropStrays(ctx, s, t, action)
}

// dropStrays deletes objects of 1.8 with the target's Secret that no use explains any more: after a change of an Ingress's
// hosts the id is another, and a controller that did not see the change never deletes the old one.
func (g *Gateway) dropStrays(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	for _, o := range g.leftovers(t) {
		if !carriesSecret(o, t) {
			continue
		}
		if err := g.delete(ctx, o.ID); err != nil {
			return s, action, err
		}
		s.Objects = slices.DeleteFunc(s.Objects, func(other Object) bool { return other.ID == o.ID })
	}
	return s, action, nil
}

func (g *Gateway) makeOne(ctx context.Context, t Target, m Missing, labels map[string]string) error {
	if m.There {
		patch := apisix.SSLPatch{Cert: string(t.Cert), Key: string(t.Key), SNIs: m.Use.Hosts, Labels: labels}
		if err := g.patchSSL(ctx, m.ID, patch); err != nil {
			return fmt.Errorf("patch ssl object %s: %w", m.ID, err)
		}
		return nil
	}
	done, err := g.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	ssl := apisix.SSL{ID: m.ID, SNIs: m.Use.Hosts, Cert: string(t.Cert), Key: string(t.Key), Labels: labels}
	if _, err := g.Admin.PutSSL(ctx, ssl); err != nil {
		return fmt.Errorf("put ssl object %s: %w", m.ID, err)
	}
	return nil
}

// removeAdopted is done when the ingress controller has dropped its objects. One that is there after the grace, still
// with a certificate of ours, has been left over, as when a 1.8 controller's Secret went first: it is deleted, and looked
// at once more, for a sync that was in flight may put it back.
func (g *Gateway) removeAdopted(ctx context.Context, t Target, grace bool) (done bool, err error) {
	left := g.leftovers(t)
	if len(left) == 0 {
		g.memory.forget(t)
		return true, nil
	}
	if !grace {
		return false, nil
	}
	for _, o := range left {
		if err := g.delete(ctx, o.ID); err != nil {
			return false, err
		}
	}
	return false, nil
}

// leftovers are the ingress controllers' objects of a target that no live use explains: those with its certificate, and
// those of 1.8 with its Secret. An older certificate in an object of 2.x is the controller's to tidy up.
func (g *Gateway) leftovers(t Target) []Object {
	return slices.DeleteFunc(g.around(t.Hosts), func(o Object) bool {
		return !o.holds(t) && !carriesSecret(o, t) || inUse(o, t)
	})
}

// inUse tells whether a live use has the object: its controller still wants it, though without our certificate.
func inUse(o Object, t Target) bool {
	return slices.ContainsFunc(t.Uses, func(use Use) bool {
		return !use.Ending && (sameSet(o.Hosts, use.Hosts) || o.ID == controllerID(lineOf(o), use, t.SecretName))
	})
}
