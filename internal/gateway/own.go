// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// ownMode manages this controller's own ssl objects, at a gateway without an ingress controller.
type ownMode struct {
	ours
	resync time.Duration
	// exclusive reports whether an ingress controller deletes ssl objects that it does not know. Nil means unknown.
	exclusive func(context.Context) (bool, error)
}

func (m ownMode) observe(ctx context.Context, t Target) (State, error) {
	s := State{Mode: ModeOwn, hasObjects: true}
	if err := m.EnsureFresh(ctx, m.resync); err != nil {
		return s, err
	}
	if err := m.allowed(ctx); err != nil {
		return s, err
	}
	s.Objects, s.PreRestore = m.current(t), m.preRestore(t)
	for _, host := range t.Hosts {
		if len(s.Objects) > 0 && slices.Contains(s.Objects[0].Hosts, host) {
			continue // already ours: a newer object of another owner must not stop a renewal
		}
		if id := m.taken(t, host); id != "" {
			s.Blocked = append(s.Blocked, host)
			if s.Conflict == nil {
				s.Conflict = &Conflict{Host: host, ID: id}
			}
		}
	}
	return s, nil
}

// allowed returns a *ModeError if an ingress controller would delete own objects.
func (m ownMode) allowed(ctx context.Context) error {
	exclusive := m.Has(ingresscontroller.V2)
	if !exclusive && m.exclusive != nil {
		var err error
		if exclusive, err = m.exclusive(ctx); err != nil {
			return err
		}
	}
	if !exclusive {
		return nil
	}
	return &ModeError{Mode: ModeOwn, Problem: "an APISIX ingress controller 2.x manages this gateway and deletes every ssl object that it does not know; " +
		"set --push-mode to auto or adopt"}
}

// taken returns the id of another owner's enabled object with the host: APISIX would serve the one created first.
func (m ownMode) taken(t Target, host string) string {
	others := slices.DeleteFunc(m.WithHost(host), func(o Object) bool {
		return o.ID == m.id(t) || !o.Enabled || m.isKnown(o, t) || m.isPreRestore(o, t)
	})
	if len(others) == 0 {
		return ""
	}
	return slices.MinFunc(others, inventory.ByID).ID
}

func (m ownMode) plan(s State, t Target) Action {
	t = s.withoutBlocked(t)
	why := "the gateway does not have it"
	if len(s.Objects) == 1 {
		why = difference(s.Objects[0], t, m.ownLabels(t))
	}
	switch {
	case len(t.Hosts) == 0:
		return Action{Verb: ActionRefuse}
	case s.forceWrite && t.keyless():
		return Action{Verb: ActionKeep}
	case s.forceWrite && why == "":
		why = "the gateway does not serve it"
	case why == "" && len(s.PreRestore) == 0:
		return Action{Verb: ActionKeep}
	case t.keyless():
		return Action{Verb: ActionRenew}
	case why == "":
		why = "an object from before a restore exists too"
	}
	return Action{Verb: ActionPut, IDs: []string{m.id(t)}, Why: why}
}

// difference returns why an own object is not as written, or an empty string.
func difference(o Object, t Target, labels map[string]string) string {
	switch {
	case !t.matches(o):
		return "the gateway has another certificate"
	case !inventory.SameHosts(o.Hosts, t.Hosts):
		return "the gateway has it for other hosts"
	case o.Client != inventory.ClientDigest(t.Client):
		return "the gateway requires something else of clients"
	case !o.Enabled, o.Extra, !o.Labels.Have(labels):
		return "another client changed the object"
	}
	return ""
}

func (m ownMode) apply(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	switch action.Verb {
	case ActionPut:
		object, err := m.write(ctx, s.withoutBlocked(t), len(s.Objects) > 0, action.Why)
		if err != nil {
			return s, action, err
		}
		s.Objects = []Object{object}
		if err := m.dropPreRestore(ctx, t, s.PreRestore); err != nil {
			return s, action, err
		}
		s.PreRestore = nil
	case ActionKeep:
		if t.VaultReference != nil && !t.VaultReference.Old && !s.forceWrite {
			return s, action, m.keepVaultSecret(ctx, t, false)
		}
	}
	return s, action, nil
}

func (m ownMode) remove(ctx context.Context, t Target, how removal) (done bool, err error) {
	if !how.ownOnly {
		err := m.drop(ctx, t, "its ApisixCertificate is deleted")
		return err == nil, err
	}
	if err := m.EnsureFresh(ctx, m.resync); err != nil {
		return false, err
	}
	err = m.dropKnown(ctx, t, "the certificate no longer has any of its hosts, or no longer uses the gateway")
	return err == nil, err
}
