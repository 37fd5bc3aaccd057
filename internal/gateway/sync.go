// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"time"
)

// Result is the result of a target at one gateway.
type Result struct {
	Name  string
	State State
	Verb  Verb
	// RequeueAfter is when to check the gateway again. Zero means not to.
	RequeueAfter time.Duration
	Err          error
	Proof        Proof
	// Touch is an ApisixTls to update, so that its ingress controller syncs all of them again. Nil means none.
	Touch *Reference
}

// Settled reports whether the gateway has the target, as far as can be known.
func (r Result) Settled() bool {
	return r.Err == nil && r.Verb != ActionRefuse && r.Verb != ActionRenew && r.Verb != ActionWait && (!r.Proof.Attempted || r.Proof.Served)
}

// Unserved reports whether a handshake showed something other than the target.
func (r Result) Unserved() bool { return r.Proof.Attempted && !r.Proof.Served }

// AllSettled reports whether every gateway has the target, as far as can be known.
func AllSettled(results []Result) bool {
	return !slices.ContainsFunc(results, func(r Result) bool { return !r.Settled() })
}

// AllServed reports whether every gateway with a known TLS address serves the target, and there is one.
func AllServed(results []Result) bool {
	attempted := slices.ContainsFunc(results, func(r Result) bool { return r.Proof.Attempted })
	return attempted && !slices.ContainsFunc(results, func(r Result) bool { return r.Err != nil || r.Unserved() })
}

// Known is what earlier runs have seen of a target at a gateway.
type Known struct {
	// Verified: the gateway was seen to serve it, and nothing has changed since.
	Verified bool
	// Rewritten: it was already written once more because it was not served.
	Rewritten bool
}

// Sync takes the next step so that the gateway has the target, and verifies it by handshakes. s is the result of Observe.
// If the gateway should have the target but serves something else, the list of objects is read again and the target is
// written once more: its objects may be gone, or have another key, which APISIX never returns.
//
// A target that was verified before and needs no write is not verified again, as package drift verifies every certificate
// in the background. In mode adopt it is always verified, as the ingress controller may restore the old certificate.
func (g *Gateway) Sync(ctx context.Context, s State, t Target, known Known) Result {
	done := g.write(ctx, s, t)
	if known.Verified && done.Err == nil && done.Verb == ActionKeep && done.State.Mode == ModeOwn {
		var ok bool
		if done.Proof, ok = g.Proven(t.Serial); ok {
			return done
		}
	}
	g.verify(ctx, &done, t)
	if done.State.Mode == ModeSecret && done.Unserved() {
		g.recheckMode(modeRecheckInterval)
	}
	if done.Verb == ActionIdle && !done.Proof.Served { // the certificate of another owner there is not a fault
		done.Proof = Proof{}
	}
	if done.Verb == ActionKeep && done.Proof.Fixable() && done.State.Mode != ModeSecret && !known.Rewritten {
		done = g.syncAgain(ctx, t, done)
	}
	done.Touch = g.touch(done, t)
	done.Proof = g.Explain(ctx, done.State, t, done.Proof)
	return done
}

// verify makes the handshakes for a target that should be served by now.
func (g *Gateway) verify(ctx context.Context, done *Result, t Target) {
	if done.Err == nil && done.Verb != ActionWait && done.Verb != ActionRefuse && done.Verb != ActionRenew {
		done.Proof = g.Prove(ctx, done.State.Hosts(t), t.Fingerprint)
	}
}

// syncAgain writes a target that is not served, whatever the inventory has.
func (g *Gateway) syncAgain(ctx context.Context, t Target, before Result) Result {
	if before.Err = g.Reread(ctx, RereadAge); before.Err != nil {
		return before
	}
	s, err := g.Observe(ctx, t)
	if err != nil {
		return Result{Name: g.Name, State: s, Err: err}
	}
	done := g.write(ctx, s, t)
	switch {
	case done.Err != nil:
		return done
	case done.Verb == ActionKeep:
		done.State, done.Err = g.ForcePush(ctx, done.State, t)
	case done.Verb == ActionPut:
		g.Invalidate() // the inventory had it: other objects may be gone too
	}
	if done.Err == nil && done.Verb != ActionRenew {
		done.Proof = g.Prove(ctx, done.State.Hosts(t), t.Fingerprint)
	}
	return done
}

func (g *Gateway) write(ctx context.Context, s State, t Target) Result {
	done := Result{Name: g.Name, State: s}
	if t.Unfit != nil && s.Mode == ModeOwn {
		done.Err = t.Unfit
		return done
	}
	var action Action
	done.State, action, done.Err = g.Push(ctx, s, t)
	done.Verb, done.RequeueAfter = action.Verb, action.RequeueAfter
	return done
}

// Verify makes the handshakes for a target whose key is not available, so that nothing can be written.
func (g *Gateway) Verify(ctx context.Context, hosts []string, fingerprint string) Result {
	done := Result{Name: g.Name, Verb: ActionKeep}
	done.State.Mode, _ = g.FindMode(ctx)
	done.Proof = g.Prove(ctx, hosts, fingerprint)
	return done
}
