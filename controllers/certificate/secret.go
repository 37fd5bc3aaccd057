// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// fieldOwner is the field manager of server-side apply.
const fieldOwner = client.FieldOwner("apisix-certs")

// material is what goes into a Secret.
type material struct {
	cert, key, ca []byte // PEM
	issuedAt      time.Time
	digest        string
	under         string // fingerprint of the issuer's CA as it was known; may be empty
	toRevoke      []replaced
	place         v1alpha1.VaultKVPlace // where in Vault the key is
	outputs       map[string][]byte     // further forms of the pair
}

// mostForeignBytes leave room for a certificate, its key and further forms of both in a Secret, which holds 1 MiB.
const mostForeignBytes = 896 << 10

// foreignBytes is how much the Secret holds under keys that are not written here. They stay when it is taken over.
func (o *observed) foreignBytes() (n int) {
	if o.secret == nil {
		return 0
	}
	for key, value := range o.secret.Data {
		switch key {
		case corev1.TLSCertKey, corev1.TLSPrivateKeyKey, corev1.ServiceAccountRootCAKey:
		default:
			n += len(value)
		}
	}
	return n
}

// secretOf is the Secret as it should be.
func (o *observed) secretOf(m material) *corev1.Secret {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: secretNamespace(o.cert), Name: o.cert.Spec.SecretName},
		Type:       o.secretType(),
		Data:       map[string][]byte{corev1.TLSCertKey: m.cert, corev1.TLSPrivateKeyKey: m.key},
	}
	if o.keyOutside() {
		delete(secret.Data, corev1.TLSPrivateKeyKey)
	}
	if len(m.ca) > 0 {
		secret.Data[corev1.ServiceAccountRootCAKey] = m.ca
	}
	secret.Labels, secret.Annotations = o.secretMetadata()
	secret.Annotations[v1alpha1.AnnotationIssuedAt] = m.issuedAt.UTC().Format(time.RFC3339)
	secret.Annotations[v1alpha1.AnnotationSpecDigest] = m.digest
	maps.Copy(secret.Data, m.outputs)
	if digest := o.outputsDigest(m.cert); digest != "" {
		secret.Annotations[v1alpha1.AnnotationOutputs] = digest
	}
	if len(m.toRevoke) > 0 {
		text, _ := json.Marshal(m.toRevoke) // plain data always marshals
		secret.Annotations[v1alpha1.AnnotationToRevoke] = string(text)
	}
	if _, had := o.vaultKVMark(); m.place != nowhere || had { // to leave out what a Create has put there would not remove it
		secret.Annotations[v1alpha1.AnnotationVaultKV] = placeText(m.place)
	}
	if m.under != "" {
		secret.Annotations[v1alpha1.AnnotationIssuedUnder] = m.under
	}
	return secret
}

// secretMetadata are the labels and annotations that do not depend on the certificate in the Secret.
func (o *observed) secretMetadata() (labels, annotations map[string]string) {
	labels, annotations = map[string]string{}, map[string]string{}
	if template := o.cert.Spec.SecretTemplate; template != nil {
		maps.Copy(labels, template.Labels)
		maps.Copy(annotations, template.Annotations)
	}
	labels[v1alpha1.LabelManaged] = "true"
	annotations[v1alpha1.AnnotationCertificate] = nameOnSecret(o.cert)
	annotations[v1alpha1.AnnotationIssuedBy] = o.cert.Spec.IssuerRef.String()
	return labels, annotations
}

// secretMetadataFits tells whether the Secret has the labels and annotations that it should.
func (o *observed) secretMetadataFits() bool {
	labels, annotations := o.secretMetadata()
	mark, _ := o.vaultKVMark()
	return contains(o.secret.Labels, labels) && contains(o.secret.Annotations, annotations) && mark == placeText(o.place())
}

func contains(have, want map[string]string) bool {
	for key, value := range want {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// relabel writes the Secret with the certificate that it has.
func (r *Reconciler) relabel(ctx context.Context, o *observed) error {
	return r.rewrite(ctx, o, o.toRevoke())
}

// rewrite is relabel with another list of what is to be revoked.
func (r *Reconciler) rewrite(ctx context.Context, o *observed, toRevoke []replaced) error {
	m := material{
		cert: o.secret.Data[corev1.TLSCertKey], key: o.secret.Data[corev1.TLSPrivateKeyKey],
		ca: o.secret.Data[corev1.ServiceAccountRootCAKey], digest: o.secret.Annotations[v1alpha1.AnnotationSpecDigest],
		under: o.secret.Annotations[v1alpha1.AnnotationIssuedUnder], toRevoke: toRevoke, place: o.place(),
	}
	m.issuedAt, _ = time.Parse(time.RFC3339, o.secret.Annotations[v1alpha1.AnnotationIssuedAt])
	if m.issuedAt.IsZero() { // adopted, or stripped of its marks
		if bundle, err := certs.ParseBundle(m.cert, nil, nil); err == nil {
			m.issuedAt = bundle.Leaf.NotBefore
		}
		// A renewal that was asked for before is answered by the certificate that the status tells of.
		if at := o.renewAt(); undated(o.secret, o.cert) && !at.After(r.Clock.Now()) {
			m.issuedAt = latest(m.issuedAt, at)
		}
	}
	return r.writeSecret(ctx, o, m)
}

// writeSecret writes the Secret in one write, and puts it into o. It creates only where there is none and changes only
// what was observed, so that a Secret that somebody wrote meanwhile stays.
func (r *Reconciler) writeSecret(ctx context.Context, o *observed, m material) error {
	var err error
	if m.outputs, err = o.outputs(m); err != nil {
		return err
	}
	if err := r.dropOutputs(ctx, o); err != nil {
		return err
	}
	secret := o.secretOf(m)
	if o.secret != nil && o.secret.Type != secret.Type {
		if err := r.dropSecret(ctx, o.secret); err != nil { // the type cannot be changed
			return err
		}
		o.secret = nil
	}
	if o.secret == nil {
		if err := r.Create(ctx, secret, fieldOwner); err != nil {
			return fmt.Errorf("create Secret %s: %w", secret.Name, err)
		}
		o.secret, o.live = secret, true
		return nil
	}
	apply := corev1ac.Secret(secret.Name, secret.Namespace).WithResourceVersion(o.secret.ResourceVersion).
		WithType(secret.Type).WithData(secret.Data).WithLabels(secret.Labels).WithAnnotations(secret.Annotations)
	if err := r.Apply(ctx, apply, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply Secret %s: %w", secret.Name, err)
	}
	if apply.ResourceVersion != nil {
		secret.ResourceVersion = *apply.ResourceVersion
	}
	o.secret, o.live = secret, true
	return nil
}

// dropOutputs removes forms that are not wanted any more. Apply alone would not: what the first write, a Create, has put
// there stays with it.
func (r *Reconciler) dropOutputs(ctx context.Context, o *observed) error {
	if o.secret == nil || !o.ours() || len(o.staleOutputs()) == 0 {
		return nil
	}
	after := o.secret.DeepCopy()
	for _, key := range o.staleOutputs() {
		delete(after.Data, key)
	}
	if err := r.Patch(ctx, after, client.MergeFromWithOptions(o.secret, client.MergeFromWithOptimisticLock{}), fieldOwner); err != nil {
		return fmt.Errorf("patch Secret %s: %w", after.Name, err)
	}
	o.secret = after
	return nil
}
