// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
)

// AffectedByIssuer reports whether the latest observation of its issuer affects the certificate: it has to be renewed, now
// or later, or its status changes.
func (r *Reconciler) AffectedByIssuer(ctx context.Context, cert *v1alpha1.ApisixCertificate) bool {
	s, err := r.observeSecretAndIssuer(ctx, cert)
	if err != nil {
		return true // its own run reports the error
	}
	now := r.Clock.Now()
	after := certs.Decide(s.Facts, now)
	objection, known := issuance.Objection(s.Issuer.Request)
	if after.Issue || known && (objection != nil) != objected(cert) {
		return true // it may have been blocked by the role
	}
	if chain := s.Issuer.Request.Observation.Chain(); s.Secret.Object != nil && !s.Facts.Revoked && (chain == "" || s.Facts.IssuedUnder == chain) {
		return false // the common case when a controller starts
	}
	s.Issuer.Request.Observation = issuer.Observation{}
	before := certs.Decide(plan.FactsOf(&s, r.RotationSpread), now)
	return after.Reason != before.Reason || !after.Recheck.Equal(before.Recheck)
}

// objected reports whether the status says that the role would reject the renewal.
func objected(cert *v1alpha1.ApisixCertificate) bool {
	c := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionIssued)
	return c != nil && c.Reason == v1alpha1.ReasonRoleWouldReject
}

// observeSecretAndIssuer observes only the Secret and the issuer.
func (r *Reconciler) observeSecretAndIssuer(ctx context.Context, cert *v1alpha1.ApisixCertificate) (s plan.Snapshot, err error) {
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
	s.Issuer.Request.Spec, s.Issuer.Request.Secret = s.Facts.Spec, s.Secret.Object
	s.Facts = plan.FactsOf(&s, r.RotationSpread)
	return s, nil
}
