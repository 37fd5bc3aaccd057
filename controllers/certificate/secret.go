// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// material is what goes into a Secret.
type material struct {
	cert, key, ca []byte // PEM
	issuedAt      time.Time
	digest        string
	under         string                // fingerprint of the issuer's CA as it was known; may be empty
	place         v1alpha1.VaultKVPlace // where in Vault the key is
	outputs       map[string][]byte     // further forms of the pair
}

// mostForeignBytes leave room for a certificate, its key and further forms of both in a Secret, which holds 1 MiB.
const mostForeignBytes = 896 << 10

// foreignBytes is how much the Secret holds under keys that are not written here. They stay when it is taken over.
func (o *observed) foreignBytes() int {
	if o.secret == nil {
		return 0
	}
	return o.content(material{}).OthersSize(o.secret)
}

// content is what the Secret should hold.
func (o *observed) content(m material) tlssecret.Content {
	c := tlssecret.Content{Type: o.secretType(), Data: map[string][]byte{corev1.TLSCertKey: m.cert}}
	if !o.keyOutside() {
		c.Data[corev1.TLSPrivateKeyKey] = m.key
	}
	if len(m.ca) > 0 {
		c.Data[corev1.ServiceAccountRootCAKey] = m.ca
	}
	maps.Copy(c.Data, m.outputs)
	if template := o.cert.Spec.SecretTemplate; template != nil {
		c.Labels, c.Annotations = template.Labels, template.Annotations
	}
	c.Marks = tlssecret.Marks{
		Owner: authority.OwnerText(client.ObjectKeyFromObject(o.cert)), IssuedBy: o.cert.Spec.IssuerRef.String(), IssuedAt: m.issuedAt,
		SpecDigest: m.digest, IssuedUnder: m.under, Outputs: o.outputsDigest(m.cert), VaultKV: placeText(m.place),
	}
	return c
}

// present is the material that the Secret has.
func (o *observed) present(now time.Time) material {
	marks := tlssecret.MarksOf(o.secret)
	m := material{
		cert: o.secret.Data[corev1.TLSCertKey], key: o.secret.Data[corev1.TLSPrivateKeyKey], ca: o.secret.Data[corev1.ServiceAccountRootCAKey],
		issuedAt: marks.IssuedAt, digest: marks.SpecDigest, under: marks.IssuedUnder, place: o.place(), outputs: map[string][]byte{},
	}
	for _, key := range o.wantedOutputs() {
		if value, ok := o.secret.Data[key]; ok {
			m.outputs[key] = value
		}
	}
	if !m.issuedAt.IsZero() {
		return m
	}
	// Adopted, or stripped of its marks.
	bundle, err := certs.ParseBundle(m.cert, nil, nil)
	if err != nil {
		return m
	}
	m.issuedAt = bundle.Leaf.NotBefore
	if issued := o.cert.Status.Issued; issued.IssuedAt != nil && issued.Fingerprint == certs.Fingerprint(bundle.Leaf) {
		m.issuedAt = issued.IssuedAt.Time
	}
	// A renewal that was asked for before is answered by the certificate of the record.
	if at := o.renewAt(); o.undated() && !at.After(now) {
		m.issuedAt = latest(m.issuedAt, at)
	}
	return m
}

// secretFits reports whether the Secret has the marks, labels, annotations and further forms that it should.
func (o *observed) secretFits(now time.Time) bool {
	return tlssecret.MarksOf(o.secret).Outputs == o.outputsDigest(o.secret.Data[corev1.TLSCertKey]) && o.content(o.present(now)).Fits(o.secret)
}

// undated reports whether the Secret does not say any more when the certificate in it, that of the record, was issued.
func (o *observed) undated() bool {
	return o.secret != nil && o.secret.Annotations[v1alpha1.AnnotationIssuedAt] == "" && o.recorded(leafOf(o.secret))
}

// relabel writes the Secret with the certificate that it has.
func (r *Reconciler) relabel(ctx context.Context, o *observed) error {
	if !o.live {
		if err := r.observeSecret(ctx, r.Live, o); err != nil {
			return err
		}
		if o.secret == nil || !o.right.MayRead() {
			return apierrors.NewConflict(corev1.Resource("secrets"), o.cert.Spec.SecretName, nil)
		}
	}
	m := o.present(r.Clock.Now())
	m.outputs = nil
	return r.writeSecret(ctx, o, m)
}

// writeSecret writes the Secret in one write, and puts it into o. It creates only where there is none and changes only
// what was observed, so that a Secret that somebody wrote meanwhile stays.
func (r *Reconciler) writeSecret(ctx context.Context, o *observed, m material) error {
	var err error
	if m.outputs, err = o.outputs(m); err != nil {
		return err
	}
	if err := r.replaceType(ctx, o); err != nil {
		return err
	}
	permit, ok := o.right.Write()
	if !ok {
		return o.right.Refused()
	}
	written, err := r.secrets().Write(ctx, permit, o.secret, o.content(m))
	if err != nil {
		return err
	}
	return r.wrote(ctx, o, written)
}

// wrote puts a Secret that was written into o.
func (r *Reconciler) wrote(ctx context.Context, o *observed, secret *corev1.Secret) error {
	o.secret, o.live = secret, true
	return r.observeSecretRight(ctx, o)
}

// replaceType deletes a Secret of another type than the spec wants, which cannot be changed.
func (r *Reconciler) replaceType(ctx context.Context, o *observed) error {
	if o.secret == nil || o.secret.Type == o.secretType() {
		return nil
	}
	permit, ok := o.right.Replace()
	if !ok {
		return o.right.Refused()
	}
	if err := r.secrets().Delete(ctx, permit); err != nil {
		return err
	}
	return r.wrote(ctx, o, nil)
}

func (r *Reconciler) secrets() tlssecret.Writer {
	return tlssecret.Writer{Client: r.Client, Live: r.Live, Direct: r.Direct}
}

// leafOf is the fingerprint of the certificate in a Secret; empty where there is none that can be parsed.
func leafOf(secret *corev1.Secret) string {
	if secret == nil {
		return ""
	}
	chain, err := certs.ParseCertificates(secret.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return ""
	}
	return certs.Fingerprint(chain[0])
}

// recorded reports whether a fingerprint is that of the record.
func (o *observed) recorded(fingerprint string) bool {
	return fingerprint != "" && fingerprint == o.cert.Status.Issued.Fingerprint
}
