// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/status"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/failure"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/note"
	"apisix-certs.io/apisix-certs/internal/revocation"
)

// finalize cleans up after a deleted ApisixCertificate: ssl objects, keys, revocation, then the Secret and the finalizer.
// Every step can be repeated. A failing step keeps the finalizer for at most an hour.
func (r *Reconciler) finalize(ctx context.Context, cert *v1alpha1.ApisixCertificate) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(cert, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	r.enqueue(ctx, r.Reviewer.Claim(cert))
	s, err := r.observe(ctx, cert, false)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe: %w", err)
	}
	p := plan.ForDeletion(&s, r.Clock.Now())
	if p.Wait > 0 {
		return ctrl.Result{RequeueAfter: p.Wait}, nil
	}
	done, err := r.runCleanup(ctx, &s, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !done {
		return ctrl.Result{RequeueAfter: status.ServedRecheck}, nil
	}
	if err := r.finalizeSecret(ctx, &s, &p); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.removeFinalizer(ctx, cert)
}

// cleanupStep is one remote step of finalize.
type cleanupStep struct {
	what string
	run  func(context.Context) (done bool, err error)
}

// cleanupSteps returns the remote steps of finalize in order.
func (r *Reconciler) cleanupSteps(s *plan.Snapshot, p *plan.Deletion) []cleanupStep {
	var all []cleanupStep
	for _, g := range append(slices.Clone(s.Gateways.Former), s.Gateways.List()...) {
		all = append(all, cleanupStep{"ssl objects at gateway " + g.Name, func(ctx context.Context) (bool, error) { return g.Remove(ctx, p.Target, p.Overdue) }})
	}
	return append(all,
		cleanupStep{"private keys in Vault", func(ctx context.Context) (bool, error) {
			return true, r.Keys.DeleteAll(ctx, s.KeyInput(), s.Keys, p.Target)
		}},
		cleanupStep{"revocation", func(ctx context.Context) (bool, error) {
			_, err := r.Revoker.Revoke(ctx, s.Cert, revocation.OnDelete(s.Cert))
			if err != nil {
				err = errors.Join(err, r.reportRevocation(ctx, s.Cert, err))
			}
			return true, err
		}},
	)
}

// runCleanup runs the remote steps. A step that has failed for too long is reported and skipped.
func (r *Reconciler) runCleanup(ctx context.Context, s *plan.Snapshot, p *plan.Deletion) (done bool, err error) {
	for _, step := range r.cleanupSteps(s, p) {
		done, err := step.run(ctx)
		switch {
		case err == nil && done:
		case p.Abandon:
			r.reportAbandoned(ctx, s.Cert, step.what, err)
		case err != nil:
			return false, fmt.Errorf("%s: %w", step.what, err)
		default:
			return false, nil
		}
	}
	return true, nil
}

// reportAbandoned reports what could not be cleaned up.
func (r *Reconciler) reportAbandoned(ctx context.Context, cert *v1alpha1.ApisixCertificate, what string, err error) {
	why := "the ingress controller has not deleted them"
	if err != nil {
		why = failure.Of(err).Message
	}
	metrics.Failed(metrics.Cleanup, metrics.Setup)
	ctrl.LoggerFrom(ctx).Info("cleanup of a deleted certificate abandoned", "left", what, "reason", why)
	r.Recorder.Eventf(cert, nil, corev1.EventTypeWarning, v1alpha1.ReasonCleanupAbandoned, "Delete", "%s", note.Fit(what+" are left behind: "+why))
}

// reportRevocation reports in the status why an object that is being deleted is not gone yet. The event follows the status
// update; otherwise a status that cannot be written would repeat it on every run.
func (r *Reconciler) reportRevocation(ctx context.Context, before *v1alpha1.ApisixCertificate, err error) error {
	cert := before.DeepCopy()
	message := failure.Of(err).Message + `. The object stays until revocation succeeds; to skip it, set the annotation ` + v1alpha1.AnnotationSkipRevocation + `: "true"`
	c := status.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevocationFailed, message)
	c.LastTransitionTime = metav1.NewTime(r.Clock.Now().Truncate(time.Second))
	meta.SetStatusCondition(&cert.Status.Conditions, c)
	if equality.Semantic.DeepEqual(before.Status, cert.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, cert, client.MergeFrom(before)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.Recorder.Eventf(cert, nil, corev1.EventTypeWarning, v1alpha1.ReasonRevocationFailed, "Revoke", "%s", note.Fit(message))
	return nil
}

// removeFinalizer removes the finalizer.
func (r *Reconciler) removeFinalizer(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	metrics.ForgetCertificate(client.ObjectKeyFromObject(cert))
	r.memory.forget(cert.UID)
	r.Issuers.Forget(cert.UID)
	before := cert.DeepCopy()
	controllerutil.RemoveFinalizer(cert, v1alpha1.Finalizer)
	return client.IgnoreNotFound(r.Patch(ctx, cert, client.MergeFrom(before)))
}

// finalizeSecret deletes the Secret, or only removes the controller's metadata if the Secret is still in use.
func (r *Reconciler) finalizeSecret(ctx context.Context, s *plan.Snapshot, p *plan.Deletion) error {
	switch p.Secret {
	case authority.Delete:
		return r.Secrets.Delete(ctx, p.Permit)
	case authority.Release:
		if err := r.Secrets.Release(ctx, p.Permit, authority.ReleasedText(client.ObjectKeyFromObject(s.Cert), plan.LeafFingerprint(s.Secret.Object))); err != nil {
			return err
		}
		why := "it existed before this object"
		if referrer := s.Secret.Right.Referrer(); referrer != "" {
			why = "it is in use by " + referrer
		}
		r.Recorder.Eventf(s.Cert, nil, corev1.EventTypeNormal, v1alpha1.ReasonSecretReleased, "Delete", "Secret %s was released instead of deleted because %s; it is no longer renewed",
			certspec.SecretText(s.Cert), why)
	}
	return nil
}
