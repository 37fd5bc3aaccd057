// SPDX-License-Identifier: Apache-2.0

// Package revocation revokes certificates at the issuers that issued them (Vault's MOUNT/revoke).
//
//	left, err := revoker.Revoke(ctx, cert, authority.Revocable(&cert.Status, false))
//
// Package authority decides what may be revoked, and the caller when.
package revocation

import (
	"context"
	"errors"

	ctrl "sigs.k8s.io/controller-runtime"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Issuers provides the sessions for revoking.
type Issuers interface {
	// Find returns the issuer that a certificate of a namespace refers to, or nil if there is none.
	Find(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error)
	Session(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error)
}

// Revoker revokes certificates. All fields are required.
type Revoker struct {
	Issuers  Issuers
	Clock    clock.PassiveClock
	Recorder events.EventRecorder
}

// Problem returns why spec.revocationPolicy cannot be followed with the issuer, or nil.
func Problem(cert *v1alpha1.ApisixCertificate, of v1alpha1.Issuer) *finding.Finding {
	policy := cert.Spec.RevocationPolicy
	if policy != v1alpha1.RevokeOnDelete && policy != v1alpha1.RevokeOnReplace || !issuer.ByRequest(of) {
		return nil
	}
	return finding.New(v1alpha1.ReasonInvalidSpec, "spec.revocationPolicy %s: %s issues through cert-manager, which cannot revoke certificates; set Never, or use an issuer backed by Vault",
		policy, cert.Spec.IssuerRef)
}

// OnDelete returns what to revoke for a deleted certificate.
func OnDelete(cert *v1alpha1.ApisixCertificate) []authority.Revocation {
	policy := cert.Spec.RevocationPolicy
	if policy == "" || policy == v1alpha1.RevokeNever || cert.Annotations[v1alpha1.AnnotationSkipRevocation] == "true" {
		return nil
	}
	return authority.Revocable(&cert.Status, true)
}

// Revoke revokes certificates, and returns those that are left and the last error. A certificate that the issuer does not
// know, or that has expired, counts as revoked.
func (r *Revoker) Revoke(ctx context.Context, cert *v1alpha1.ApisixCertificate, permits []authority.Revocation) (left []v1alpha1.IssuedCertificate, err error) {
	for _, permit := range permits {
		if oneErr := r.revoke(ctx, cert, permit.Record()); oneErr != nil {
			left, err = append(left, permit.Record()), oneErr
		}
	}
	return left, err
}

func (r *Revoker) revoke(ctx context.Context, cert *v1alpha1.ApisixCertificate, record v1alpha1.IssuedCertificate) error {
	if end := record.NotAfter; end != nil && !r.Clock.Now().Before(end.Time) {
		return nil // it has expired
	}
	session, err := r.session(ctx, cert.Namespace, record.Issuer)
	if err != nil {
		return err
	}
	// Vault needs the certificate itself if it does not store certificates.
	if chain, parseErr := certs.ParseCertificates([]byte(record.Certificate)); parseErr == nil && len(chain) > 0 && certs.Fingerprint(chain[0]) == record.Fingerprint {
		err = session.Revoke(ctx, chain[0])
	} else {
		err = session.RevokeSerial(ctx, record.SerialNumber)
	}
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	ctrl.LoggerFrom(ctx).Info("vault written", "verb", "revoke", "issuer", record.Issuer,
		"certificate", cert.Namespace+"/"+cert.Name, "serial", record.SerialNumber, "why", "spec.revocationPolicy "+string(cert.Spec.RevocationPolicy), "outcome", outcome)
	var answered *vault.Error
	switch {
	case err == nil:
		r.Recorder.Eventf(cert, nil, corev1.EventTypeNormal, v1alpha1.ReasonRevoked, "Revoke", "certificate revoked by the issuer")
		return nil
	case errors.As(err, &answered) && answered.Kind == vault.User: // it does not know the certificate
		return nil
	}
	return err
}

// session returns the session of the issuer KIND/NAME.
func (r *Revoker) session(ctx context.Context, namespace, name string) (*vault.Session, error) {
	found, err := r.Issuers.Find(ctx, namespace, v1alpha1.ParseIssuer(name))
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, finding.New(v1alpha1.ReasonRevocationFailed, "spec.revocationPolicy: %s does not exist and cannot revoke the certificates it issued; create it, or set the annotation %s: \"true\"", name, v1alpha1.AnnotationSkipRevocation)
	case issuer.ByRequest(found):
		return nil, finding.New(v1alpha1.ReasonRevocationFailed, "spec.revocationPolicy: %s is not backed by Vault and cannot revoke the certificates it issued; set Never, or the annotation %s: \"true\"", name, v1alpha1.AnnotationSkipRevocation)
	}
	return r.Issuers.Session(ctx, found)
}
