// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// outcome is what came of a plan.
type outcome struct {
	// issued: a new certificate was written to the Secret.
	issued   bool
	warnings []string
	pending  *finding // what a certificate that is on its way waits for
	err      error    // of issuing or of writing the Secret
	// decision is the plan's, or after issuing the one on what there is now.
	decision certs.Decision
	// replaced is the certificate that the Secret held before, nil for none.
	replaced *x509.Certificate
	// revokeErr says why what was replaced is not revoked yet.
	revokeErr error
	// places may hold keys in Vault; clearAgain: one of them is to be cleared soon.
	places     []v1alpha1.VaultKVPlace
	clearAgain bool
	// busyUntil is when the issuer has a turn for it; zero: it needs none.
	busyUntil time.Time
	// uncounted: err is the failure of another attempt, which holds this one up.
	uncounted bool
	kept      bool // what was pushed before stays
	usable    bool // the pair in the Secret may be pushed
	gateways  []pushed
}

// waits takes a refusal for want of a turn for what it is: no failure, but a time to come again.
func (d *outcome) waits() {
	var busy *vault.BusyError
	if !errors.As(d.err, &busy) {
		return
	}
	d.busyUntil, d.err = busy.NotBefore, nil
	if busy.Cause != nil {
		d.err, d.uncounted = busy.Cause, true
		return
	}
	d.pending = &finding{v1alpha1.ReasonIssuing, "the issuer's limits are reached, and this certificate waits for its turn"}
}

// shortWait is how long a turn may be waited for without a word.
const shortWait = 2 * time.Second

// waitsShortly reports whether the turn comes so soon that nothing needs to be said.
func (d *outcome) waitsShortly(now time.Time) bool {
	return !d.busyUntil.IsZero() && !d.uncounted && d.busyUntil.Before(now.Add(shortWait))
}

// apply carries out the plan in the order that survives a crash after each step: Secret, gateways, proof.
func (r *Reconciler) apply(ctx context.Context, o *observed, p plan) outcome {
	done := outcome{pending: p.pending, decision: p.decision, usable: p.usable(r.Clock.Now())}
	switch {
	case p.issue:
		var s step
		done.replaced, o.writer = o.presentLeaf(), o.revertedBy()
		began := o.issueBegan(r.Clock.Now())
		s, done.err = r.issue(ctx, o, p)
		done.issued, done.warnings, done.pending = s.issued, s.warnings, s.pending
		r.measureIssued(o, p, s, began)
		if done.waits(); done.waitsShortly(r.Clock.Now()) {
			return done
		}
	case p.relabel:
		done.err = r.relabel(ctx, o)
	}
	if p.drop {
		done.err = errors.Join(done.err, r.dropRequest(ctx, o))
	}
	if done.issued {
		after := decide(*o, r.Clock.Now())
		done.decision, done.usable = after.decision, after.usable(r.Clock.Now())
	}
	if p.kept {
		done.kept, done.gateways, done.places = true, o.proveKept(ctx), o.places()
		return done
	}
	target := o.target(done.decision)
	switch {
	case o.noKeyPlace != nil:
	case len(o.hosts) == 0 && o.names.All():
		done.gateways = withdrawAll(ctx, append(o.left, o.gateways...), target)
	case done.usable && o.right.MayPush() && len(target.Hosts) > 0:
		done.gateways = pushAll(ctx, o.gateways, target, knowledge{again: !o.provenFalse(target), proven: o.proven(target)})
		r.unproven.look(client.ObjectKeyFromObject(o.cert), done.gateways, r.Clock.Now())
		done.gateways = append(done.gateways, leave(ctx, o.left, target, done.gateways)...)
	}
	r.settleKey(ctx, o, done)
	done.places, done.clearAgain = r.clearPlaces(ctx, o, done)
	setRecord(&o.cert.Status, o, p, done, r.Clock.Now())
	done.revokeErr = r.revokeReplaced(ctx, o, done)
	return done
}
