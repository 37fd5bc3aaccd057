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
	// Blocked are the target's hosts that objects of somebody else have, and Conflict is the first of these. Own mode only.
	Blocked  []string
	Conflict *Conflict
	// Left are objects that the target's ApisixCertificate left behind before it was restored. Own mode only.
	Left []string
	// Age is how long this gateway has known of the target's certificate. Not in own mode.
	Age time.Duration
	// Adoption is what else matters in adopt mode.
	Adoption Adoption
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
	// Again is when to look again; zero: there is no need. It is no delay before the action.
	Again time.Duration
}

// Verb is the kind of an Action.
type Verb string

// Verbs.
const (
	Keep   Verb = "keep"   // all is as it should be
	Put    Verb = "put"    // write our own object whole
	Patch  Verb = "patch"  // put certificate and key into the ingress controller's object
	Make   Verb = "make"   // put an object in the ingress controller's stead, see State.Adoption.Missing
	Wait   Verb = "wait"   // the ingress controller has not made its object yet
	Yield  Verb = "yield"  // patches of this certificate were undone, see State.Adoption.Patches
	Refuse Verb = "refuse" // nothing is left to write, see State.Conflict
	Renew  Verb = "renew"  // the object is lost or old, and its key was at the gateway alone: a new one must be made
)

// Observe tells how the gateway stands to the target, from the inventory.
func (g *Gateway) Observe(ctx context.Context, t Target) (State, error) {
	mode, err := g.FindMode(ctx)
	if err != nil {
		return State{Mode: mode}, err
	}
	if mode == Secret {
		return State{Mode: mode, Age: g.memory.of(t, g.Clock.Now()).age}, nil
	}
	if err := g.fresh(ctx); err != nil {
		return State{Mode: mode}, err
	}
	if mode == Adopt {
		return g.observeAdopted(ctx, t)
	}
	if err := g.mayOwn(ctx); err != nil {
		return State{Mode: mode}, err
	}
	return g.observeOwn(t), nil
}

// Plan tells what to do so that the gateway holds the target. It is pure.
func Plan(s State, t Target, id string, labels map[string]string) Action {
	switch {
	case s.Mode == Secret:
		return Action{Verb: Keep}
	case s.Mode == Adopt:
		return planAdopt(s, t)
	}
	return planOwn(s, t, id, labels)
}

// Push brings the target to the gateway: Plan on what is known, and the write that it asks for.
func (g *Gateway) Push(ctx context.Context, s State, t Target) (State, Action, error) {
	action, began := Plan(s, t, g.ID(t), g.labels(t)), g.Clock.Now()
	s, done, err := g.carryOut(ctx, s, t, action)
	g.measurePush(action.Verb, began, err)
	return s, done, err
}

func (g *Gateway) carryOut(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	var err error
	switch action.Verb {
	case Put:
		s, err = g.put(ctx, s, t)
	case Keep:
		if s.Mode == Own && t.Reference != nil && !t.Reference.Old {
			err = g.keepVaultSecret(ctx, t.Reference.Secret, false)
		}
	case Patch:
		return g.patch(ctx, s, t, action)
	case Make:
		return g.make(ctx, s, t, action)
	}
	return s, action, err
}

// PushAgain writes the target whatever is known of the gateway: what it serves says that its objects are not what they
// seem. An ingress controller's objects are patched, never replaced.
func (g *Gateway) PushAgain(ctx context.Context, s State, t Target) (State, error) {
	switch s.Mode {
	case Own:
		if t.keyless() {
			return s, nil
		}
		return g.put(ctx, s, t)
	case Adopt:
		return g.patchAgain(ctx, s, t)
	}
	return s, nil
}

// Remove takes from the gateway what Push brought there. With adopt, objects belong to the ingress controller, which
// drops them itself; one that is left over after grace, still with our certificate, is deleted.
func (g *Gateway) Remove(ctx context.Context, t Target, grace bool) (done bool, err error) {
	mode, err := g.FindMode(ctx)
	if err != nil || mode == Secret {
		g.memory.forget(t)
		return err == nil, err
	}
	if mode == Own {
		err := g.removeOwn(ctx, t)
		return err == nil, err
	}
	if err := g.Refresh(ctx); err != nil {
		return false, err
	}
	return g.removeAdopted(ctx, t, grace)
}

func (g *Gateway) delete(ctx context.Context, id string) error {
	done, err := g.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := g.Admin.DeleteSSL(ctx, id); err != nil && !apisix.IsNotFound(err) {
		return fmt.Errorf("delete ssl object %s: %w", id, err)
	}
	g.inventory.forget(id)
	return nil
}

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

// Refused tells whether err will not change by itself: a bad admin key, an address that is not allowed, an object that
// the Admin API does not take, a fault of the gateway's settings or a mode that cannot work.
func Refused(err error) bool {
	var pair *apisix.PairError
	var api *apisix.APIError
	var setup *SetupError
	var mode *ModeError
	var clients *ClientError
	return errors.As(err, &clients) || errors.As(err, &setup) || errors.As(err, &mode) || errors.As(err, &pair) || errors.As(err, &api) && !apisix.IsUnavailable(err)
}
