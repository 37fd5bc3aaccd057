// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/metrics"
	"apisix-certs.io/apisix-certs/controllers/note"
	"apisix-certs.io/apisix-certs/internal/authority"
)

// endGrace is how long after its deletion an ingress controller is given to drop its own ssl object. The Secret stays
// until then: a 1.8 controller that finds it gone never drops the object.
const endGrace = 10 * time.Second

// usesGrace is how long after its deletion an ApisixTls or Ingress that uses the Secret may go too: garbage collection
// ends what it owns one after the other. One that is still there then stays, and keeps the ingress controller's object.
const usesGrace = 3 * time.Second

func releasedFor(referrer string) string {
	if referrer == "" {
		return "as it was there before this object"
	}
	return "as it is in use by " + referrer
}

// cleanupLimit is how long a clean-up may fail before the object goes without it.
const cleanupLimit = time.Hour

// end cleans up after a deleted ApisixCertificate: ssl objects, keys, revocation, then the Secret and the finalizer. Each
// step may be repeated. One that fails holds the finalizer, for an hour at most.
func (r *Reconciler) end(ctx context.Context, cert *v1alpha1.ApisixCertificate) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(cert, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	r.enqueue(ctx, r.Claims.Set(claimantOf(cert)))
	o, err := r.observe(ctx, cert)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe: %w", err)
	}
	age := r.Clock.Since(cert.DeletionTimestamp.Time)
	if len(o.uses) > 0 && age < usesGrace {
		return ctrl.Result{RequeueAfter: usesGrace - age}, nil
	}
	done, err := r.cleanUp(ctx, &o, age)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !done {
		return ctrl.Result{RequeueAfter: lookAgain}, nil
	}
	if err := r.endSecret(ctx, &o); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.letGo(ctx, cert)
}

// cleanup is one remote step of the end.
type cleanup struct {
	what string
	run  func(context.Context) (done bool, err error)
}

// cleanups are the remote steps of the end, in their order.
func (r *Reconciler) cleanups(o *observed, age time.Duration) []cleanup {
	target := o.target(certs.Decide(o.facts(), r.Clock.Now()))
	target.Hosts = slices.DeleteFunc(slices.Clone(o.spec.DNSNames), func(host string) bool { return !slices.Contains(o.cert.Status.OwnedNames, host) })
	target.FormerUses = o.formerUses()
	if target.Fingerprint == "" { // the Secret went first, and an ingress controller may have kept what was in it
		target.Fingerprint = o.cert.Status.Issued.Fingerprint
	}
	var all []cleanup
	for _, g := range append(o.left, o.gateways...) {
		all = append(all, cleanup{"ssl objects at gateway " + g.Name, func(ctx context.Context) (bool, error) { return g.Remove(ctx, target, age > endGrace) }})
	}
	return append(all,
		cleanup{"private keys in Vault", func(ctx context.Context) (bool, error) { return true, r.endKey(ctx, o) }},
		cleanup{"revocation", func(ctx context.Context) (bool, error) {
			err := r.revokeAtEnd(ctx, o.cert)
			if err != nil {
				err = errors.Join(err, r.reportRevocation(ctx, o.cert, err))
			}
			return true, err
		}},
	)
}

// cleanUp takes the remote steps. What has failed for too long is reported and left.
func (r *Reconciler) cleanUp(ctx context.Context, o *observed, age time.Duration) (done bool, err error) {
	skip := o.cert.Annotations[v1alpha1.AnnotationSkipCleanup] == "true"
	for _, step := range r.cleanups(o, age) {
		done, err := step.run(ctx)
		switch {
		case err == nil && done:
		case skip || age > cleanupLimit:
			r.reportAbandoned(ctx, o.cert, step.what, err)
		case err != nil:
			return false, fmt.Errorf("%s: %w", step.what, err)
		default:
			return false, nil
		}
	}
	return true, nil
}

// reportAbandoned says what is left behind.
func (r *Reconciler) reportAbandoned(ctx context.Context, cert *v1alpha1.ApisixCertificate, what string, err error) {
	why := "the ingress controller has not dropped them"
	if err != nil {
		why = findingOf(err).message
	}
	metrics.Failed(metrics.Cleanup, metrics.Setup)
	ctrl.LoggerFrom(ctx).Info("clean-up of a deleted certificate is given up", "left", what, "reason", why)
	r.Recorder.Eventf(cert, nil, corev1.EventTypeWarning, v1alpha1.ReasonCleanupAbandoned, "Delete", "%s", note.Fit(what+" are left behind: "+why))
}

// letGo removes the finalizer.
func (r *Reconciler) letGo(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	r.forget(client.ObjectKeyFromObject(cert))
	before := cert.DeepCopy()
	controllerutil.RemoveFinalizer(cert, v1alpha1.Finalizer)
	return client.IgnoreNotFound(r.Patch(ctx, cert, client.MergeFrom(before)))
}

// endSecret deletes the Secret, or takes the marks off it where it is in use.
func (r *Reconciler) endSecret(ctx context.Context, o *observed) error {
	if o.secret == nil {
		return nil
	}
	ending, permit := o.right.AtEnd(o.cert.Spec.SecretRetention == v1alpha1.SecretRetain)
	switch ending {
	case authority.Delete:
		return r.secrets().Delete(ctx, permit)
	case authority.Release:
		if err := r.secrets().Release(ctx, permit, authority.ReleasedText(client.ObjectKeyFromObject(o.cert), leafOf(o.secret))); err != nil {
			return err
		}
		r.Recorder.Eventf(o.cert, nil, corev1.EventTypeNormal, v1alpha1.ReasonSecretReleased, "Delete", "Secret %s stays, without marks of this certificate, %s; nobody renews it now", o.secretText(), releasedFor(o.right.Referrer()))
	}
	return nil
}
