// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/gateway"
)

// outcome is what came of a plan.
type outcome struct {
	// issued: a new certificate was written to the Secret.
	issued   bool
	warnings []string
	err      error // of issuing or of writing the Secret
	// decision is the plan's, or after issuing the one on what there is now.
	decision certs.Decision
	usable   bool // the pair in the Secret may be pushed
	gateways []pushed
}

// pushed is what came of one gateway.
type pushed struct {
	name  string
	state gateway.State
	verb  gateway.Verb
	err   error
	proof gateway.Proof
}

// apply carries out the plan in the order that survives a crash after each step: Secret, gateways, proof.
func (r *Reconciler) apply(ctx context.Context, o *observed, p plan) outcome {
	done := outcome{decision: p.decision, usable: p.usable(r.Clock.Now())}
	switch {
	case p.issue:
		done.warnings, done.err = r.issue(ctx, o, p)
		done.issued = done.err == nil
	case p.relabel:
		done.err = r.relabel(ctx, o)
	}
	if done.issued {
		after := decide(*o, r.Clock.Now())
		done.decision, done.usable = after.decision, after.usable(r.Clock.Now())
	}
	target := o.target(done.decision)
	if !done.usable || !o.ours() || len(target.Hosts) == 0 {
		return done // nothing of ours to push
	}
	for _, g := range o.gateways {
		done.gateways = append(done.gateways, push(ctx, g, target, !o.provenFalse(target)))
	}
	return done
}

// push brings the target to one gateway and proves it. What the gateway should hold and does not serve is written once
// more where again is set: its key may be another's, and APISIX never tells a key.
func push(ctx context.Context, g *gateway.Gateway, t gateway.Target, again bool) pushed {
	done := pushed{name: g.Name}
	state, err := g.Observe(ctx, t)
	if done.state, done.err = state, err; err != nil {
		return done
	}
	var action gateway.Action
	done.state, action, done.err = g.Push(ctx, state, t)
	done.verb = action.Verb
	if done.err != nil || action.Verb == gateway.Wait || action.Verb == gateway.Refuse {
		return done
	}
	done.proof = g.Prove(ctx, t.Hosts, t.Fingerprint)
	if done.proof.Asked && !done.proof.Served && action.Verb == gateway.Keep && again {
		if done.state, done.err = g.PushAgain(ctx, done.state, t); done.err == nil {
			done.proof = g.Prove(ctx, t.Hosts, t.Fingerprint)
		}
	}
	return done
}
