// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
)

// IssuerEvents maps an issuer, given by kind, namespace and name, whose CA, CRL or role is another, to the certificates that
// must be issued again for it, or have to be told about. The others have nothing to do.
func (r *Reconciler) IssuerEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []ctrl.Request {
		key := object.GetObjectKind().GroupVersionKind().Kind + "/" + object.GetNamespace() + "/" + object.GetName()
		var list v1alpha1.ApisixCertificateList
		if err := r.List(ctx, &list, client.MatchingFields{indexIssuer: key}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "cannot list the ApisixCertificates of an issuer")
			return nil
		}
		var requests []ctrl.Request
		for i := range list.Items {
			if r.concerned(ctx, &list.Items[i]) {
				requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			}
		}
		return requests
	})
}

// concerned reports whether the issuer's observation asks for a new certificate, now or in its turn, or is to be told about.
func (r *Reconciler) concerned(ctx context.Context, cert *v1alpha1.ApisixCertificate) bool {
	s, err := r.glance(ctx, cert)
	if err != nil {
		return true // its own run tells
	}
	now := r.Clock.Now()
	after := certs.Decide(s.Facts, now)
	objection, known := issuance.Objection(s.Issuer.Order)
	if after.Issue || known && (objection != nil) != objected(cert) {
		return true // it may have been held back by what the role grants
	}
	if chain := s.Issuer.Order.Observation.Chain(); s.Secret.Object != nil && !s.Facts.Revoked && (chain == "" || s.Facts.IssuedUnder == chain) {
		return false // as almost all are when a controller starts: the observation makes no difference
	}
	s.Issuer.Order.Observation = issuer.Observation{}
	before := certs.Decide(factsOf(&s, r.RotationSpread), now)
	return after.Reason != before.Reason || !after.Recheck.Equal(before.Recheck)
}

// objected reports whether the status says that the role would refuse the renewal.
func objected(cert *v1alpha1.ApisixCertificate) bool {
	c := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionIssued)
	return c != nil && c.Reason == v1alpha1.ReasonRoleObjects
}

// glance observes Secret and issuer alone.
func (r *Reconciler) glance(ctx context.Context, cert *v1alpha1.ApisixCertificate) (s Snapshot, err error) {
	s.Cert, s.Facts.Spec = cert, certspec.Of(cert)
	if s.Secret.Object, _, err = r.readSecret(ctx, cert, false); err != nil {
		return s, err
	}
	if s.Secret.Right, err = r.Reviewer.SecretRight(ctx, cert, admission.Review{}, s.Secret.Object, keystorage.SecretType(cert)); err != nil {
		return s, err
	}
	if s.Issuer, err = r.observeIssuer(ctx, cert); err != nil {
		return s, err
	}
	s.Issuer.Order.Spec, s.Issuer.Order.Secret = s.Facts.Spec, s.Secret.Object
	s.Facts = factsOf(&s, r.RotationSpread)
	return s, nil
}

// IssuerChange is the object of an event for IssuerEvents.
func IssuerChange(key issuer.Key) client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.Kind, object.Namespace, object.Name = key.Kind, key.Namespace, key.Name
	return object
}
