// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"

	"apisix-certs.io/apisix-certs/apisix"
)

// adoptable are the ingress controller's objects that carry the target's Secret. 1.8 labels them with the Secret, 2.x
// with the object that uses it.
func (g *Gateway) adoptable(t Target) []Object {
	var found []Object
	seen := map[string]bool{}
	for _, use := range t.Uses {
		for _, host := range use.Hosts {
			for _, o := range g.inventory.withHost(host) {
				if !seen[o.ID] && ofController(o) && (carriesSecret(o, t) || carriesUse(o, use)) {
					seen[o.ID] = true
					found = append(found, o)
				}
			}
		}
	}
	return found
}

func carriesSecret(o Object, t Target) bool {
	return o.Labels["meta_secret_namespace"] == t.Namespace && o.Labels["meta_secret_name"] == t.SecretName
}

func carriesUse(o Object, use Use) bool {
	return o.Labels["k8s/kind"] == use.Kind && o.Labels["k8s/namespace"] == use.Namespace &&
		o.Labels["k8s/name"] == use.Name && sameSet(o.Hosts, use.Hosts)
}

// patch puts certificate and key into the ingress controller's objects. Each is read first: the controller has mostly
// carried the Secret by itself, and a write beside its own write would only conflict.
func (g *Gateway) patch(ctx context.Context, s State, t Target, ids []string) (State, error) {
	if err := apisix.CheckPair(t.Cert, t.Key, g.Clock.Now()); err != nil {
		return s, err
	}
	for _, id := range ids {
		object, err := g.patchOne(ctx, t, id)
		if err != nil {
			return s, err
		}
		for i := range s.Objects {
			if s.Objects[i].ID == id {
				s.Objects[i] = object
			}
		}
	}
	return s, nil
}

func (g *Gateway) patchOne(ctx context.Context, t Target, id string) (Object, error) {
	object, err := g.read(ctx, id)
	if err != nil || object.holds(t) {
		return object, err
	}
	err = g.Admin.PatchSSL(ctx, id, apisix.SSLPatch{Cert: string(t.Cert), Key: string(t.Key)})
	switch {
	case apisix.IsConflict(err):
		// The controller wrote meanwhile, mostly the same certificate.
		again, readErr := g.read(ctx, id)
		if readErr == nil && again.holds(t) {
			return again, nil
		}
		return object, fmt.Errorf("patch ssl object %s: %w", id, err)
	case err != nil:
		return object, fmt.Errorf("patch ssl object %s: %w", id, err)
	}
	object.Fingerprint, object.Serial = t.Fingerprint, t.Serial
	g.inventory.record(object)
	return object, nil
}

// read reads one object, past the inventory, and records it there.
func (g *Gateway) read(ctx context.Context, id string) (Object, error) {
	ssl, err := g.Admin.GetSSL(ctx, id)
	if apisix.IsNotFound(err) {
		g.inventory.forget(id)
	}
	if err != nil {
		return Object{}, fmt.Errorf("get ssl object %s: %w", id, err)
	}
	object := objectOf(ssl)
	g.inventory.record(object)
	return object, nil
}

// removeAdopted is done when the ingress controller has dropped its objects. One that still holds our certificate after
// the grace has been left over: a 1.8 controller whose Secret went first never drops it.
func (g *Gateway) removeAdopted(ctx context.Context, t Target, grace bool) (done bool, err error) {
	for _, o := range g.adoptable(t) {
		if !o.holds(t) {
			continue // not ours any more
		}
		if !grace {
			return false, nil
		}
		if err := g.delete(ctx, o.ID); err != nil {
			return false, err
		}
	}
	return true, nil
}
