// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/failure"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/revocation"
)

// obstacle returns what prevents following the spec, the user's errors first. due means that a new certificate is needed.
func obstacle(s *Snapshot, due bool) *finding.Finding {
	cert := s.Cert
	source := cert.Annotations[v1alpha1.AnnotationSourceProblem]
	invalid := s.Review.Invalid
	unrevocable := revocation.Problem(cert, s.Issuer.Request.Issuer)
	switch {
	case len(invalid) > 0:
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidSpec, Message: certspec.Text(invalid)}
	case source != "" && cert.Status.Issued.SerialNumber == "":
		// Once there is a certificate, the last valid spec is still renewed.
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidSource, Message: source}
	case renewAtInvalid(cert):
		return finding.New(v1alpha1.ReasonInvalidSpec, "annotation %s is not an RFC 3339 time; use for example 2030-01-31T12:00:00Z", v1alpha1.AnnotationRenewAt)
	case s.Review.Refused != nil:
		return s.Review.Refused
	case s.Review.Names.Conflict != "":
		return &finding.Finding{Reason: v1alpha1.ReasonConflict, Message: "spec.dnsNames: " + s.Review.Names.Conflict}
	case unrevocable != nil:
		return unrevocable
	case s.Forms.Problem() != nil:
		return s.Forms.Problem()
	case s.Secret.Right.Refused() != nil:
		return s.Secret.Right.Refused()
	case due && unmanagedBytes(s) > maxUnmanagedBytes:
		return finding.New(v1alpha1.ReasonSecretNotManaged,
			"spec.secretName: Secret %s has too much other data to add a certificate; remove keys from it, or use another Secret", cert.Spec.SecretName)
	case s.Keys.Unsupported != nil:
		return s.Keys.Unsupported
	case due && s.Keys.Unknown != nil:
		return failure.Of(s.Keys.Unknown)
	case due && s.Issuer.Bad != nil:
		return s.Issuer.Bad
	case due && s.Issuer.Request.Issuer == nil && !cert.Spec.Provided:
		return finding.New(v1alpha1.ReasonIssuerNotFound, "spec.issuerRef: %s does not exist; create it, or correct the reference", cert.Spec.IssuerRef)
	}
	return nil
}

func renewAtInvalid(cert *v1alpha1.ApisixCertificate) bool {
	value := cert.Annotations[v1alpha1.AnnotationRenewAt]
	_, err := time.Parse(time.RFC3339, value)
	return value != "" && err != nil
}
