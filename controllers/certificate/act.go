// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/status"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// takeTimeout bounds what is finished though the controller stops: what was signed must not be lost. It is less than the time
// that the controller is given to stop.
const takeTimeout = 10 * time.Second

// act takes one step, and gives what is observed after it. Its error is of the observation; that of the step is in done.
func (r *Reconciler) act(ctx context.Context, now plan.Step, s plan.Snapshot, p plan.Plan, done *plan.Results) (plan.Snapshot, error) {
	before := *done
	done.Taken = append(done.Taken, now)
	switch now {
	case plan.WriteSecret:
		written, err := r.writeSecret(ctx, &s, &p, done)
		if errors.Is(err, errChanged) {
			*done = before
			return r.lookAgain(ctx, s)
		}
		if err != nil {
			done.Fail(err, r.Clock.Now())
		}
		if written != nil {
			return r.observePair(ctx, s, written, true)
		}
		if p.Delivery == plan.Push { // what there is, is served on
			s = r.observeGateways(ctx, s, p.Target)
		}
	case plan.DropRequest:
		done.Err = errors.Join(done.Err, r.Issuers.Drop(ctx, s.Issuer.Order))
	case plan.Deliver:
		done.Gateways = r.deliver(ctx, &s, &p)
		r.measureServed(s.Cert, done.Gateways)
	case plan.Settle:
		r.settle(ctx, &s, &p, done)
	}
	return s, nil
}

// writeSecret brings the Secret to what is planned, and gives it as it is then; nil: it is as it was.
func (r *Reconciler) writeSecret(ctx context.Context, s *plan.Snapshot, p *plan.Plan, done *plan.Results) (*corev1.Secret, error) {
	if p.Secret == plan.Rewrite {
		return r.store(ctx, s, plan.Present(s, r.Clock.Now()))
	}
	began := issuance.Began(s.Issuer.Issuing, r.Clock.Now())
	done.Attempted, done.Why = true, p.Decision
	if s.Secret.Right.Ours() {
		done.Replaced = plan.LeafIn(s.Secret.Object)
	}
	answer, pending, err := r.Issuers.Issue(ctx, s.Issuer.Order, s.Issuer.Issuing, p.Decision, func(ctx context.Context, csr []byte) error {
		logPlan(ctx, p, done)
		return r.try(ctx, s, csr)
	})
	done.Writer = revertedBy(s)
	if done.Pending = pending; err != nil || answer == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTimeout)
	defer cancel()
	m := plan.Material{
		Cert: answer.CertPEM, Key: answer.Key.PEM(s.Facts.Spec.Key.Encoding), CA: answer.CAPEM, IssuedAt: r.Clock.Now(),
		Digest: s.Facts.Spec.Digest(), Under: s.Issuer.Order.Observation.Chain(), Place: s.Keys.Mark(),
	}
	if err := r.Keys.Keep(ctx, s.Kept(), certs.Fingerprint(answer.Bundle.Leaf), m.Cert, m.Key); err != nil {
		return nil, err
	}
	written, err := r.store(ctx, s, m)
	if err != nil {
		return nil, err
	}
	done.Issued, done.Warnings = true, answer.Warnings
	metrics.Issued(string(p.Decision.Reason), r.Clock.Now().Sub(began))
	r.memory.wrote(s.Cert.UID, r.Clock.Now())
	if err := r.Issuers.Stored(ctx, s.Issuer.Order); err != nil {
		ctrl.LoggerFrom(ctx).Info("what was asked for is left at cert-manager for now", "error", err.Error())
	}
	return written, nil
}

// store writes the Secret in one write. It creates only where there is none and changes only what was observed, so that a
// Secret that somebody wrote meanwhile stays. One of another type cannot be changed, and is deleted and made anew.
func (r *Reconciler) store(ctx context.Context, s *plan.Snapshot, m plan.Material) (*corev1.Secret, error) {
	var err error
	if m.Forms, err = s.Forms.Make(m.Cert, m.Key, m.CA, m.IssuedAt); err != nil {
		return nil, err
	}
	wanted, current, right := plan.ContentOf(s, m), s.Secret.Object, s.Secret.Right
	if current != nil && current.Type != wanted.Type {
		permit, ok := right.Replace()
		if !ok {
			return nil, right.Refused()
		}
		if err := r.Secrets.Delete(ctx, permit); err != nil {
			return nil, err
		}
		current = nil
		if right, err = r.Reviewer.SecretRight(ctx, s.Cert, s.Review, nil, wanted.Type); err != nil {
			return nil, err
		}
	}
	permit, ok := right.Write()
	if !ok {
		return nil, right.Refused()
	}
	return r.Secrets.Write(ctx, permit, current, wanted)
}

// errChanged says that the Secret is not as it was observed. Nothing was signed.
var errChanged = errors.New("the Secret has changed meanwhile")

// try looks at the API server, before anything is signed, whether the Secret still is as it was observed, and before the first
// signature and after a failure, whether it would take the new one: no signature is spent on a Secret that cannot be written.
func (r *Reconciler) try(ctx context.Context, s *plan.Snapshot, csr []byte) error {
	if err := r.refresh(ctx, s); err != nil {
		return err
	}
	secret, status := s.Secret.Object, s.Cert.Status
	if secret != nil && !status.Issued.IsZero() && status.FailedAttempts == 0 {
		return nil
	}
	permit, ok := s.Secret.Right.Write()
	if !ok {
		return s.Secret.Right.Refused()
	}
	wanted := plan.Trial(s, csr)
	if secret != nil && secret.Type != wanted.Type {
		return nil // it is deleted and created
	}
	err := r.Secrets.Try(ctx, permit, secret, wanted)
	if secret == nil && !s.Secret.Live && apierrors.IsAlreadyExists(err) {
		return errChanged
	}
	return err
}

// refresh reads a Secret of the cache live, which has what the cache drops. It gives errChanged where it is another version.
func (r *Reconciler) refresh(ctx context.Context, s *plan.Snapshot) error {
	observed := s.Secret.Object
	if observed == nil || s.Secret.Live {
		return nil
	}
	secret, live, err := r.readSecret(ctx, s.Cert, true)
	switch {
	case err != nil:
		return err
	case secret == nil || secret.UID != observed.UID || secret.ResourceVersion != observed.ResourceVersion:
		return errChanged
	}
	s.Secret.Object, s.Secret.Live = secret, live
	return nil
}

// revertedBy is who wrote the Secret of the certificate last, where that was not this controller; empty: nobody else.
func revertedBy(s *plan.Snapshot) string {
	record := s.Cert.Status.Issued
	if s.Secret.Object == nil || record.IsZero() || s.Secret.Object.UID != record.SecretUID {
		return ""
	}
	return tlssecret.LastWriter(s.Secret.Object)
}

// deliver brings the certificate to all gateways at once, for one that hangs must not hold up the others. Those that the
// certificate has left give it up once the others have it.
func (r *Reconciler) deliver(ctx context.Context, s *plan.Snapshot, p *plan.Plan) []gateway.Result {
	if p.Delivery == plan.Withdraw {
		return withdraw(ctx, append(slices.Clone(s.Gateways.Left), s.Gateways.List()...), p.Target)
	}
	all := make([]gateway.Result, len(s.Gateways.At))
	var group sync.WaitGroup
	for i, at := range s.Gateways.At {
		group.Go(func() {
			switch {
			case p.Delivery == plan.Verify:
				all[i] = at.Verify(ctx, s.Review.Hosts, s.Cert.Status.Issued.Fingerprint)
			case at.Err != nil:
				all[i] = gateway.Result{Name: at.Name, State: at.State, Err: at.Err}
			default:
				all[i] = at.Sync(ctx, at.State, p.Target, p.Gateways[i].Known)
			}
		})
	}
	group.Wait()
	r.touch(ctx, all)
	switch {
	case p.Delivery == plan.Verify:
		return all
	case gateway.AllSettled(all):
		return append(all, withdraw(ctx, s.Gateways.Left, p.Target)...)
	}
	for _, g := range s.Gateways.Left { // they stay in status until then
		all = append(all, gateway.Result{Name: g.Name, Verb: gateway.ActionKeep})
	}
	return all
}

// withdraw takes own ssl objects away. Gateways where that fails are returned.
func withdraw(ctx context.Context, gateways []*gateway.Gateway, t gateway.Target) []gateway.Result {
	var failed []gateway.Result
	for _, g := range gateways {
		if err := g.Withdraw(ctx, t); err != nil {
			failed = append(failed, gateway.Result{Name: g.Name, Err: err})
		}
	}
	return failed
}

// settle ends what was needed until the gateways have the certificate: keys elsewhere, and certificates to be revoked.
func (r *Reconciler) settle(ctx context.Context, s *plan.Snapshot, p *plan.Plan, done *plan.Results) {
	done.Places = s.Keys.Places
	if done.Err != nil || !gateway.AllSettled(done.Gateways) {
		return
	}
	if p.Delivery == plan.Push && len(done.Gateways) > 0 {
		done.Places, done.ClearAgain = r.Keys.Settle(ctx, s.Kept(), s.Keys, p.Target)
	}
	r.revokeReplaced(ctx, s, p, done)
}

// revokeReplaced revokes what this object's record held before: what this run replaced included, and what one before it did that
// could not write its status.
func (r *Reconciler) revokeReplaced(ctx context.Context, s *plan.Snapshot, p *plan.Plan, done *plan.Results) {
	cert := s.Cert
	if cert.Spec.RevocationPolicy == v1alpha1.RevokeOnReplace {
		cert = cert.DeepCopy()
		status.SetRecord(&cert.Status, s, p, done, r.Clock.Now())
		p.Revoke = plan.ToRevoke(cert)
	}
	if len(p.Revoke) == 0 {
		return
	}
	left, err := r.Revoker.Revoke(ctx, cert, p.Revoke)
	done.RevokeErr = err
	for _, permit := range p.Revoke {
		fingerprint := permit.Record().Fingerprint
		if !slices.ContainsFunc(left, func(c v1alpha1.IssuedCertificate) bool { return c.Fingerprint == fingerprint }) {
			done.Revoked = append(done.Revoked, fingerprint)
		}
	}
}
