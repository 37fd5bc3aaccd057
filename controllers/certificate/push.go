// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"sync"
	"time"

	"apisix-certs.io/apisix-certs/internal/gateway"
)

// pushed is what came of one gateway.
type pushed struct {
	name  string
	state gateway.State
	verb  gateway.Verb
	again time.Duration // when to look at the gateway again; zero: no need
	err   error
	proof gateway.Proof
}

// pushAll brings the target to all gateways at once: one that hangs must not hold up the others.
func pushAll(ctx context.Context, gateways []*gateway.Gateway, t gateway.Target, known knowledge) []pushed {
	all := make([]pushed, len(gateways))
	var group sync.WaitGroup
	for i, g := range gateways {
		group.Go(func() { all[i] = push(ctx, g, t, known) })
	}
	group.Wait()
	return all
}

// knowledge is what earlier runs have seen of a target.
type knowledge struct {
	// again: it may be written once more where it is not served.
	again bool
	// proven are the names of the gateways that were seen to serve it, nothing having changed since.
	proven map[string]bool
}

// push brings the target to one gateway and proves it. Where something else is served though the gateway should hold the
// target, it is looked at anew and written once more if again is set: its objects may be gone, or the key another's, and
// APISIX never tells a key.
func push(ctx context.Context, g *gateway.Gateway, t gateway.Target, known knowledge) pushed {
	done := bring(ctx, g, t, known.proven[g.Name])
	if done.unproven() && known.again {
		done = bringAgain(ctx, g, t, done)
	}
	done.proof = g.Explain(ctx, done.state, t, done.proof)
	return done
}

// unproven tells whether the gateway should serve the target and does not, and a write of ours may mend that.
func (p pushed) unproven() bool {
	return p.verb == gateway.Keep && p.proof.Mendable() && p.state.Mode != gateway.Secret
}

// bring is one push and its proof. What was proven before and needed no write is not proven again: that is drift's to do,
// once a period for every certificate. Beside an ingress controller every look counts, for it may write the old one back.
func bring(ctx context.Context, g *gateway.Gateway, t gateway.Target, proven bool) pushed {
	done := write(ctx, g, t)
	if proven && done.err == nil && done.verb == gateway.Keep && done.state.Mode == gateway.Own {
		var ok bool
		if done.proof, ok = g.Proven(t.Serial); ok {
			return done
		}
	}
	if done.err == nil && done.verb != gateway.Wait && done.verb != gateway.Refuse && done.verb != gateway.Renew {
		done.proof = g.Prove(ctx, done.state.Hosts(t), t.Fingerprint)
	}
	return done
}

// bringAgain is bring for what was seen not to be served: whatever the inventory says, it is written.
func bringAgain(ctx context.Context, g *gateway.Gateway, t gateway.Target, before pushed) pushed {
	if before.err = g.Reread(ctx, gateway.RereadAge); before.err != nil {
		return before
	}
	done := write(ctx, g, t)
	switch {
	case done.err != nil:
		return done
	case done.verb == gateway.Keep:
		done.state, done.err = g.PushAgain(ctx, done.state, t)
	case done.verb == gateway.Put:
		g.Doubt() // it was thought to be there: others may be gone too
	}
	if done.err == nil && done.verb != gateway.Renew {
		done.proof = g.Prove(ctx, done.state.Hosts(t), t.Fingerprint)
	}
	return done
}

func write(ctx context.Context, g *gateway.Gateway, t gateway.Target) pushed {
	done := pushed{name: g.Name}
	state, err := g.Observe(ctx, t)
	if done.state, done.err = state, err; err != nil {
		return done
	}
	if t.Unfit != nil && state.Mode == gateway.Own {
		done.err = t.Unfit
		return done
	}
	var action gateway.Action
	done.state, action, done.err = g.Push(ctx, state, t)
	done.verb, done.again = action.Verb, action.Again
	return done
}

// withdrawAll takes away own ssl objects: no host is left for them.
func withdrawAll(ctx context.Context, gateways []*gateway.Gateway, t gateway.Target) []pushed {
	var all []pushed
	for _, g := range gateways {
		if err := g.Withdraw(ctx, t); err != nil {
			all = append(all, pushed{name: g.Name, err: err})
		}
	}
	return all
}
