// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/memory"
)

// secretMode leaves everything to the ingress controller, which syncs the Secret. If the gateway has ssl objects
// nevertheless, because the mode is set by flag, earlier own objects are renewed until they are replaced, and then deleted.
type secretMode struct {
	former
	theirs theirs
	memory *memory.Memory
	resync time.Duration
	// objects reports whether the gateway has ssl objects.
	objects func(context.Context, Mode) bool
}

func (m secretMode) observe(ctx context.Context, t Target) (State, error) {
	s := State{Mode: ModeSecret, Age: m.memory.Get(t.UID, t.Fingerprint, m.Clock.Now()).Age}
	if !m.objects(ctx, ModeSecret) {
		return s, nil
	}
	if err := m.EnsureFresh(ctx, m.resync); err != nil {
		return s, err
	}
	m.addOwnObjects(&s, t)
	if len(s.Former)+len(s.PreRestore) > 0 {
		s.Objects, _ = m.theirs.locate(t)
	}
	return s, nil
}

func (m secretMode) plan(s State, t Target) Action {
	next := Action{Verb: ActionIdle, RequeueAfter: maxWaitInterval}
	if slices.ContainsFunc(t.References, func(ref Reference) bool { return !ref.Terminating && ingresscontroller.Serves(ref.Kind) }) {
		next = Action{Verb: ActionKeep}
	}
	return planFormer(s, t, next)
}

func (m secretMode) apply(ctx context.Context, s State, t Target, action Action) (State, Action, error) {
	switch action.Verb {
	case ActionPatch:
		for _, id := range action.IDs {
			if err := m.renew(ctx, &s, t, id, action.Why); err != nil {
				return s, action, err
			}
		}
	case ActionPut:
		return m.replacePreRestore(ctx, s, t, action)
	case ActionDrop:
		return m.dropReplaced(ctx, s, t, action)
	}
	return s, action, nil
}

func (m secretMode) remove(ctx context.Context, t Target, how removal) (done bool, err error) {
	if !how.ownOnly {
		m.memory.Forget(t.UID)
	}
	if !m.objects(ctx, ModeSecret) {
		return true, nil
	}
	if err := m.EnsureFresh(ctx, m.resync); err != nil {
		return false, err
	}
	err = m.dropAll(ctx, State{PreRestore: m.preRestore(t)}, t, "its ApisixCertificate is deleted, or no longer uses the gateway")
	return err == nil, err
}
