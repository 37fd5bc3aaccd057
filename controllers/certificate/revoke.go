// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// RevocationError says why a certificate could not be revoked. It is stable.
type RevocationError struct{ Problem string }

func (e *RevocationError) Error() string { return "spec.revocationPolicy: " + e.Problem }

// settled reports whether every gateway has the new certificate, as far as that can be known.
func (d *outcome) settled() bool {
	for _, g := range d.gateways {
		if g.err != nil || g.verb == gateway.Refuse || g.verb == gateway.Renew || g.verb == gateway.Wait || g.proof.Asked && !g.proof.Served {
			return false
		}
	}
	return true
}

// revokeReplaced revokes what this object's record held before, once no gateway serves that any more, and forgets what is
// revoked.
func (r *Reconciler) revokeReplaced(ctx context.Context, o *observed, after outcome) error {
	status := &o.cert.Status
	if o.cert.Spec.RevocationPolicy != v1alpha1.RevokeOnReplace || o.cert.Spec.Push {
		status.ToRevoke = nil
		return nil
	}
	if len(status.ToRevoke) == 0 || after.err != nil || !after.settled() {
		return nil
	}
	left, err := r.revokeAll(ctx, o.cert, authority.Revocable(status, false))
	status.ToRevoke = left
	return err
}

// revokeAtEnd revokes what a deleted certificate leaves behind.
func (r *Reconciler) revokeAtEnd(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	policy := cert.Spec.RevocationPolicy
	if policy == "" || policy == v1alpha1.RevokeNever || cert.Annotations[v1alpha1.AnnotationSkipRevocation] == "true" {
		return nil
	}
	_, err := r.revokeAll(ctx, cert, authority.Revocable(&cert.Status, true))
	return err
}

// revokeAll returns what is left to be revoked, and why.
func (r *Reconciler) revokeAll(ctx context.Context, cert *v1alpha1.ApisixCertificate, permits []authority.Revocation) (left []v1alpha1.IssuedCertificate, err error) {
	for _, permit := range permits {
		if oneErr := r.revokeOne(ctx, cert, permit); oneErr != nil {
			left, err = append(left, permit.Record()), oneErr
		}
	}
	return left, err
}

func (r *Reconciler) revokeOne(ctx context.Context, cert *v1alpha1.ApisixCertificate, permit authority.Revocation) error {
	record := permit.Record()
	if end := record.NotAfter; end != nil && !r.Clock.Now().Before(end.Time) {
		return nil // nobody accepts it any more
	}
	session, err := r.revoker(ctx, cert, record.Issuer)
	if err != nil {
		return err
	}
	// A Vault that stores no certificates takes the certificate itself.
	if chain, parseErr := certs.ParseCertificates([]byte(record.Certificate)); parseErr == nil && len(chain) > 0 && certs.Fingerprint(chain[0]) == record.Fingerprint {
		err = session.Revoke(ctx, chain[0])
	} else {
		err = session.RevokeSerial(ctx, record.SerialNumber)
	}
	return r.reportRevoked(cert, err)
}

// reportRevoked takes what the issuer does not know for revoked, and emits an event for what was.
func (r *Reconciler) reportRevoked(cert *v1alpha1.ApisixCertificate, err error) error {
	var answered *vault.Error
	if err == nil {
		r.Recorder.Eventf(cert, nil, corev1.EventTypeNormal, v1alpha1.ReasonRevoked, "Revoke", "the issuer has revoked a certificate")
		return nil
	}
	if errors.As(err, &answered) && answered.Kind == vault.User {
		return nil
	}
	return err
}

// revoker is the session of the issuer that is called so, KIND/NAME.
func (r *Reconciler) revoker(ctx context.Context, cert *v1alpha1.ApisixCertificate, name string) (*vault.Session, error) {
	found, err := r.findIssuer(ctx, cert.Namespace, v1alpha1.ParseIssuer(name))
	if err != nil {
		return nil, err
	}
	o := observed{issuer: found}
	switch {
	case found == nil:
		return nil, &RevocationError{fmt.Sprintf("%s does not exist, so that it cannot revoke what it issued: create it, or set the annotation %s: \"true\"", name, v1alpha1.AnnotationSkipRevocation)}
	case o.byRequest():
		return nil, &RevocationError{fmt.Sprintf("%s is no Vault and cannot revoke what it issued: set Never, or the annotation %s: \"true\"", name, v1alpha1.AnnotationSkipRevocation)}
	}
	return r.Signers.Get(ctx, found)
}

// revocationProblem says why a policy cannot be followed with the issuer.
func (o *observed) revocationProblem() *finding {
	policy := o.cert.Spec.RevocationPolicy
	if !o.byRequest() || !slices.Contains([]v1alpha1.RevocationPolicy{v1alpha1.RevokeOnDelete, v1alpha1.RevokeOnReplace}, policy) {
		return nil
	}
	return &finding{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("spec.revocationPolicy %s: %s is asked through cert-manager, which cannot revoke: set Never, or name an issuer with a Vault", policy, o.cert.Spec.IssuerRef)}
}
