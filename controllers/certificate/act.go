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

// storeTimeout bounds the work that is finished even while the controller shuts down, so that a signed certificate is not
// lost. It is shorter than the controller's shutdown timeout.
const storeTimeout = 10 * time.Second

// act runs one step and returns the snapshot after it. The returned error is that of observing; an error of the step is
// recorded in done.
func (r *Reconciler) act(ctx context.Context, now plan.Step, s plan.Snapshot, p plan.Plan, done *plan.Results) (plan.Snapshot, error) {
	before := *done
	done.Steps = append(done.Steps, now)
	switch now {
	case plan.WriteSecret:
		written, err := r.writeSecret(ctx, &s, &p, done)
		if errors.Is(err, errChanged) {
			*done = before
			return r.observeLive(ctx, s)
		}
		if err != nil {
			done.Fail(err, r.Clock.Now())
		}
		if written != nil {
			return r.observePair(ctx, s, written, true)
		}
		if p.Delivery == plan.Push { // the existing certificate is still served
			s = r.observeGateways(ctx, s, p.Target)
		}
	case plan.DropRequest:
		done.Err = errors.Join(done.Err, r.Issuers.Drop(ctx, s.Issuer.Request))
	case plan.Deliver:
		done.Gateways = r.deliver(ctx, &s, &p)
		r.measureServed(s.Cert, done.Gateways)
	case plan.Settle:
		r.settle(ctx, &s, &p, done)
	}
	return s, nil
}

// writeSecret writes the Secret as planned and returns it as written, or nil if it is unchanged.
func (r *Reconciler) writeSecret(ctx context.Context, s *plan.Snapshot, p *plan.Plan, done *plan.Results) (*corev1.Secret, error) {
	if p.Secret == plan.Rewrite {
		return r.storeSecret(ctx, s, plan.Present(s, r.Clock.Now()))
	}
	began := issuance.StartedAt(s.Issuer.Issuing, r.Clock.Now())
	done.Attempted, done.Why = true, p.Decision
	if s.Secret.Right.Ours() {
		done.Replaced = plan.LeafIn(s.Secret.Object)
	}
	answer, pending, err := r.Issuers.Issue(ctx, s.Issuer.Request, s.Issuer.Issuing, p.Decision, func(ctx context.Context, csr []byte) error {
		logPlan(ctx, p, done)
		return r.checkSecret(ctx, s, csr)
	})
	done.Writer = revertedBy(s)
	if done.Pending = pending; err != nil || answer == nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	m := plan.Material{
		Cert: answer.CertPEM, Key: answer.Key.PEM(s.Facts.Spec.Key.Encoding), CA: answer.CAPEM, IssuedAt: r.Clock.Now(),
		Digest: s.Facts.Spec.Digest(), IssuedUnder: s.Issuer.Request.Observation.Chain(), KeyLocation: s.Keys.Mark(),
	}
	if err := r.Keys.Save(ctx, s.KeyInput(), certs.Fingerprint(answer.Bundle.Leaf), m.Cert, m.Key); err != nil {
		return nil, err
	}
	written, err := r.storeSecret(ctx, s, m)
	if err != nil {
		return nil, err
	}
	done.Issued, done.Warnings = true, answer.Warnings
	metrics.Issued(string(p.Decision.Reason), r.Clock.Now().Sub(began))
	r.memory.noteWritten(s.Cert.UID, r.Clock.Now())
	if err := r.Issuers.Stored(ctx, s.Issuer.Request); err != nil {
		ctrl.LoggerFrom(ctx).Info("cannot delete the CertificateRequest yet", "error", err.Error())
	}
	return written, nil
}

// storeSecret writes the Secret in one request. It creates the Secret only if there was none, and updates only the version
// that was observed, so that a concurrent write by another user is not overwritten. The type of a Secret cannot be changed,
// so one of another type is deleted and created again.
func (r *Reconciler) storeSecret(ctx context.Context, s *plan.Snapshot, m plan.Material) (*corev1.Secret, error) {
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

// errChanged reports that the Secret changed since it was observed. Nothing was signed.
var errChanged = errors.New("the Secret has changed meanwhile")

// checkSecret checks with the API server, before anything is signed, that the Secret has not changed since it was observed.
// Before the first certificate and after a failure it also checks, with a dry run, that the new Secret would be accepted: no
// signature is spent on a Secret that cannot be written.
func (r *Reconciler) checkSecret(ctx context.Context, s *plan.Snapshot, csr []byte) error {
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
		return nil // it will be deleted and created again
	}
	err := r.Secrets.DryRun(ctx, permit, secret, wanted)
	if secret == nil && !s.Secret.Live && apierrors.IsAlreadyExists(err) {
		return errChanged
	}
	return err
}

// refresh reads the Secret from the API server, including the fields that the cache drops. It returns errChanged if the
// version differs.
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

// revertedBy returns the field manager that last wrote the certificate's Secret, or an empty string if that was this
// controller.
func revertedBy(s *plan.Snapshot) string {
	record := s.Cert.Status.Issued
	if s.Secret.Object == nil || record.IsZero() || s.Secret.Object.UID != record.SecretUID {
		return ""
	}
	return tlssecret.LastWriter(s.Secret.Object)
}

// deliver pushes the certificate to all gateways concurrently, so that a gateway that hangs does not delay the others. The
// certificate is withdrawn from former gateways once the current ones have it.
func (r *Reconciler) deliver(ctx context.Context, s *plan.Snapshot, p *plan.Plan) []gateway.Result {
	if p.Delivery == plan.Withdraw {
		return withdraw(ctx, append(slices.Clone(s.Gateways.Former), s.Gateways.List()...), p.Target)
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
	r.touchApisixTlses(ctx, all)
	switch {
	case p.Delivery == plan.Verify:
		return all
	case gateway.AllSettled(all):
		return append(all, withdraw(ctx, s.Gateways.Former, p.Target)...)
	}
	for _, g := range s.Gateways.Former { // keep them in the status until then
		all = append(all, gateway.Result{Name: g.Name, Verb: gateway.ActionKeep})
	}
	return all
}

// withdraw deletes the controller's own ssl objects at the gateways. It returns a result for each gateway where that failed.
func withdraw(ctx context.Context, gateways []*gateway.Gateway, t gateway.Target) []gateway.Result {
	var failed []gateway.Result
	for _, g := range gateways {
		if err := g.Withdraw(ctx, t); err != nil {
			failed = append(failed, gateway.Result{Name: g.Name, Err: err})
		}
	}
	return failed
}

// settle cleans up what was needed until all gateways have the new certificate: keys stored elsewhere and replaced
// certificates to be revoked.
func (r *Reconciler) settle(ctx context.Context, s *plan.Snapshot, p *plan.Plan, done *plan.Results) {
	done.KeyLocations = s.Keys.Locations
	if done.Err != nil || !gateway.AllSettled(done.Gateways) {
		return
	}
	if p.Delivery == plan.Push && len(done.Gateways) > 0 {
		done.KeyLocations, done.ClearAgain = r.Keys.Settle(ctx, s.KeyInput(), s.Keys, p.Target)
	}
	r.revokeReplaced(ctx, s, p, done)
}

// revokeReplaced revokes the certificates that this object recorded before, including one that an earlier run replaced
// without writing its status.
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
