// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/gateway"
)

// replaced is a certificate that another has taken the place of and that is still to be revoked. The list of them is
// written with the Secret of the new one in one write, so that no crash loses any.
type replaced struct {
	Issuer      string `json:"issuer"`
	Certificate string `json:"certificate"` // PEM
}

// mostReplaced is how many are kept while the issuer cannot revoke: the oldest end first.
const mostReplaced = 20

// RevocationError says why a certificate could not be revoked. It is stable.
type RevocationError struct{ Problem string }

func (e *RevocationError) Error() string { return "spec.revocationPolicy: " + e.Problem }

// toRevoke are the certificates that are still to be revoked, but for the one in the Secret.
func (o *observed) toRevoke() []replaced {
	var list []replaced
	if o.secret != nil {
		// What somebody has damaged is lost, and nothing that holds up a renewal.
		_ = json.Unmarshal([]byte(o.secret.Annotations[v1alpha1.AnnotationToRevoke]), &list)
	}
	return list
}

// toRevokeAfter is toRevoke once another certificate is in the Secret.
func (o *observed) toRevokeAfter() []replaced {
	list := o.toRevoke()
	if o.cert.Spec.RevocationPolicy == v1alpha1.RevokeOnReplace {
		list = append(list, o.current()...)
	}
	return list[max(0, len(list)-mostReplaced):]
}

// current is the certificate in the Secret, nothing where there is none of ours.
func (o *observed) current() []replaced {
	if o.secret == nil || !o.ours() {
		return nil
	}
	chain, err := certs.ParseCertificates(o.secret.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return nil
	}
	issuedBy := o.secret.Annotations[v1alpha1.AnnotationIssuedBy]
	if issuedBy == "" {
		issuedBy = o.cert.Spec.IssuerRef.String()
	}
	return []replaced{{issuedBy, string(certs.EncodeCertificates(chain[0]))}}
}

// settled tells whether every gateway has the new certificate, as far as that can be told.
func (d *outcome) settled() bool {
	for _, g := range d.gateways {
		if g.err != nil || g.verb == gateway.Refuse || g.verb == gateway.Renew || g.verb == gateway.Wait || g.proof.Asked && !g.proof.Served {
			return false
		}
	}
	return true
}

// revokeReplaced revokes what the certificate in the Secret has replaced, once no gateway serves that any more, and
// forgets what is revoked.
func (r *Reconciler) revokeReplaced(ctx context.Context, o *observed, after outcome) error {
	list := o.toRevoke()
	if o.cert.Spec.Push || len(list) == 0 || after.err != nil || !after.settled() {
		return nil
	}
	left, err := r.revokeAll(ctx, o.cert, list)
	if len(left) == len(list) {
		return err
	}
	return errors.Join(err, r.rewrite(ctx, o, left))
}

// revokeAtEnd revokes what a deleted certificate leaves behind.
func (r *Reconciler) revokeAtEnd(ctx context.Context, o *observed) error {
	policy := o.cert.Spec.RevocationPolicy
	if policy == "" || policy == v1alpha1.RevokeNever || o.cert.Annotations[v1alpha1.AnnotationSkipRevocation] == "true" {
		return nil
	}
	list := append(o.toRevoke(), o.current()...)
	if o.secret == nil && o.cert.Status.SerialNumber != "" {
		return r.revokeSerial(ctx, o.cert)
	}
	_, err := r.revokeAll(ctx, o.cert, list)
	return err
}

// revokeAll returns what is left to be revoked, and why.
func (r *Reconciler) revokeAll(ctx context.Context, cert *v1alpha1.ApisixCertificate, list []replaced) (left []replaced, err error) {
	for _, item := range list {
		if oneErr := r.revokeOne(ctx, cert, item); oneErr != nil {
			left, err = append(left, item), oneErr
		}
	}
	return left, err
}

func (r *Reconciler) revokeOne(ctx context.Context, cert *v1alpha1.ApisixCertificate, item replaced) error {
	chain, err := certs.ParseCertificates([]byte(item.Certificate))
	if err != nil || len(chain) == 0 || !r.Clock.Now().Before(chain[0].NotAfter) {
		return nil // nothing that anybody would take
	}
	session, err := r.revoker(ctx, cert, item.Issuer)
	if err != nil {
		return err
	}
	return r.told(cert, session.Revoke(ctx, chain[0]))
}

// mustRemember tells whether status is all that is left of a certificate that is to be revoked: a namespace that ends takes
// its Secrets away before its certificates.
func (o *observed) mustRemember() bool {
	policy := o.cert.Spec.RevocationPolicy
	return o.secret == nil && !o.cert.Spec.Push && policy != "" && policy != v1alpha1.RevokeNever
}

// revokeSerial is for a Secret that went before its certificate.
func (r *Reconciler) revokeSerial(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	if end := cert.Status.NotAfter; end != nil && !r.Clock.Now().Before(end.Time) {
		return nil
	}
	session, err := r.revoker(ctx, cert, cert.Spec.IssuerRef.String())
	if err != nil {
		return err
	}
	return r.told(cert, session.RevokeSerial(ctx, cert.Status.SerialNumber))
}

// told takes what the issuer does not know for revoked, and tells what was.
func (r *Reconciler) told(cert *v1alpha1.ApisixCertificate, err error) error {
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
