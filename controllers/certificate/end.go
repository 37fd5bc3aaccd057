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
	"apisix-certs.io/apisix-certs/internal/authority"
)

// endGrace is how long after its deletion an ingress controller is given to drop its own ssl object. The Secret stays
// until then: a 1.8 controller that finds it gone never drops the object.
const endGrace = 10 * time.Second

// usesGrace is how long after its deletion an ApisixTls or Ingress that uses the Secret may go too: garbage collection
// ends what it owns one after the other. One that is still there then stays, and keeps the ingress controller's object.
const usesGrace = 3 * time.Second

// end cleans up after a deleted ApisixCertificate: ssl objects, then the Secret, then the finalizer. Each step may be
// repeated, and a gateway that does not answer holds the finalizer.
func (r *Reconciler) end(ctx context.Context, cert *v1alpha1.ApisixCertificate) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(cert, v1alpha1.Finalizer) {
		return ctrl.Result{}, nil
	}
	o, err := r.observe(ctx, cert)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe: %w", err)
	}
	age := r.Clock.Since(cert.DeletionTimestamp.Time)
	if len(o.uses) > 0 && age < usesGrace {
		return ctrl.Result{RequeueAfter: usesGrace - age}, nil
	}
	target := o.target(certs.Decide(o.facts(), r.Clock.Now()))
	target.Hosts = slices.DeleteFunc(slices.Clone(o.spec.DNSNames), func(host string) bool { return !slices.Contains(cert.Status.OwnedNames, host) })
	target.FormerUses = o.formerUses()
	if target.Fingerprint == "" { // the Secret went first, and an ingress controller may have kept what was in it
		target.Fingerprint = cert.Status.Issued.Fingerprint
	}
	for _, g := range append(o.left, o.gateways...) {
		done, err := g.Remove(ctx, target, age > endGrace)
		if err != nil {
			return ctrl.Result{}, fmt.Errorf("gateway %s: %w", g.Name, err)
		}
		if !done {
			return ctrl.Result{RequeueAfter: lookAgain}, nil
		}
	}
	if err := r.endKey(ctx, &o); err != nil {
		return ctrl.Result{}, err
	}
	if err := r.revokeAtEnd(ctx, cert); err != nil {
		return ctrl.Result{}, errors.Join(fmt.Errorf("revoke: %w", err), r.reportRevocation(ctx, cert, err))
	}
	if err := r.endSecret(ctx, &o); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.letGo(ctx, cert)
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
		if err := r.secrets().Release(ctx, permit); err != nil {
			return err
		}
		r.Recorder.Eventf(o.cert, nil, corev1.EventTypeNormal, v1alpha1.ReasonSecretReleased, "Delete", "Secret %s is in use by %s and stays, without marks of this certificate; nobody renews it now",
			o.secretText(), o.right.Referrer())
	}
	return nil
}
