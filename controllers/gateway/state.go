// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

// State is how a gateway stands to a target.
type State struct {
	Mode Mode
	// Objects are the ssl objects that hold the target's certificate, or should.
	Objects []Object
	// Conflict is an object of somebody else that is served for one of the target's hosts. Own mode only.
	Conflict *Conflict
}

// Conflict says that another ssl object has a host of the target.
type Conflict struct {
	Host string
	ID   string
}

// Action is what to do at a gateway, without key material.
type Action struct {
	Verb Verb
	// IDs are the ssl objects to write; several only with Patch, where several objects use one Secret.
	IDs []string
}

// Verb is the kind of an Action.
type Verb string

// Verbs.
const (
	Keep   Verb = "keep"   // all is as it should be
	Put    Verb = "put"    // write our own object whole
	Patch  Verb = "patch"  // put certificate and key into the ingress controller's object
	Wait   Verb = "wait"   // the ingress controller has not made its object yet
	Refuse Verb = "refuse" // see State.Conflict
)

// Observe tells how the gateway stands to the target, from the inventory.
func (g *Gateway) Observe(ctx context.Context, t Target) (State, error) {
	mode, err := g.FindMode(ctx)
	if err != nil || mode == Secret {
		return State{Mode: mode}, err
	}
	if err := g.fresh(ctx); err != nil {
		return State{Mode: mode}, err
	}
	if mode == Adopt {
		return State{Mode: mode, Objects: g.adoptable(t)}, nil
	}
	s := State{Mode: mode, Conflict: g.conflict(t)}
	if object, ok := g.inventory.get(g.ID(t)); ok {
		s.Objects = []Object{object}
	}
	return s, nil
}

// Plan tells what to do so that the gateway holds the target. It is pure.
func Plan(s State, t Target, id string, labels map[string]string) Action {
	switch {
	case s.Mode == Secret:
		return Action{Verb: Keep}
	case s.Mode == Adopt:
		return planAdopt(s, t)
	case s.Conflict != nil:
		return Action{Verb: Refuse}
	case len(s.Objects) == 1 && s.Objects[0].holds(t) && sameSet(s.Objects[0].Hosts, t.Hosts) && sameLabels(s.Objects[0].Labels, labels):
		return Action{Verb: Keep}
	}
	return Action{Verb: Put, IDs: []string{id}}
}

func planAdopt(s State, t Target) Action {
	if len(s.Objects) == 0 {
		return Action{Verb: Wait}
	}
	var old []string
	for _, o := range s.Objects {
		if !o.holds(t) {
			old = append(old, o.ID)
		}
	}
	if len(old) == 0 {
		return Action{Verb: Keep}
	}
	return Action{Verb: Patch, IDs: old}
}

// Push brings the target to the gateway: Plan on what is known, and the write that it asks for.
func (g *Gateway) Push(ctx context.Context, s State, t Target) (State, Action, error) {
	action := Plan(s, t, g.ID(t), g.labels(t))
	var err error
	switch action.Verb {
	case Put:
		s, err = g.put(ctx, s, t)
	case Patch:
		s, err = g.patch(ctx, s, t, action.IDs)
	}
	return s, action, err
}

// PushAgain writes the target whatever is known of the gateway: what it serves says that its objects are not what they
// seem. An ingress controller's objects are patched, never replaced.
func (g *Gateway) PushAgain(ctx context.Context, s State, t Target) (State, error) {
	switch s.Mode {
	case Own:
		return g.put(ctx, s, t)
	case Adopt:
		var err error
		for i, o := range s.Objects {
			if s.Objects[i], err = g.patchOne(ctx, t, o.ID); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// Remove takes from the gateway what Push brought there. With adopt, objects belong to the ingress controller, which
// drops them itself; one that is left over after grace, still with our certificate, is deleted.
func (g *Gateway) Remove(ctx context.Context, t Target, grace bool) (done bool, err error) {
	mode, err := g.FindMode(ctx)
	if err != nil || mode == Secret {
		return err == nil, err
	}
	if err := g.Refresh(ctx); err != nil {
		return false, err
	}
	if mode == Adopt {
		return g.removeAdopted(ctx, t, grace)
	}
	object, ok := g.inventory.get(g.ID(t))
	if !ok || object.Labels[labelUID] != t.UID {
		return true, nil
	}
	return true, g.delete(ctx, object.ID)
}

func (g *Gateway) delete(ctx context.Context, id string) error {
	if err := g.Admin.DeleteSSL(ctx, id); err != nil && !apisix.IsNotFound(err) {
		return fmt.Errorf("delete ssl object %s: %w", id, err)
	}
	g.inventory.forget(id)
	return nil
}

func (o Object) holds(t Target) bool { return o.Fingerprint != "" && o.Fingerprint == t.Fingerprint }

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	for _, list := range [][]string{a, b} {
		for i := range list {
			list[i] = strings.ToLower(list[i])
		}
		slices.Sort(list)
	}
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func sameLabels(have, want map[string]string) bool {
	for key, value := range want {
		if have[key] != value {
			return false
		}
	}
	return true
}

// Refused tells whether err is an answer that will not change by itself: a bad admin key, an address that is not
// allowed, an object that the Admin API does not take.
func Refused(err error) bool {
	var pair *apisix.PairError
	var api *apisix.APIError
	return errors.As(err, &pair) || errors.As(err, &api) && !apisix.IsUnavailable(err)
}

// handshakeTimeout bounds one handshake, which takes some milliseconds.
const handshakeTimeout = 2 * time.Second
