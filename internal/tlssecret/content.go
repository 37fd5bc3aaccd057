// SPDX-License-Identifier: Apache-2.0

// Package tlssecret writes the Secret of a certificate.
//
//	content := tlssecret.Content{Type: corev1.SecretTypeTLS, Data: data, Marks: marks}
//	if !content.Fits(secret) {
//		secret, err = writer.Write(ctx, permit, secret, content)
//	}
//
// A Secret is written in one request, based on what was read from the API server: data of other writers stays, and what an
// earlier spec added is removed. Only package authority gives the permits that a [Writer] needs.
package tlssecret

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Marks are the annotations that describe the certificate in a Secret. They give no rights, except that Owner names the
// ApisixCertificate that owns the Secret.
type Marks struct {
	// Owner is the ApisixCertificate, NAMESPACE/NAME. Empty means that the Secret belongs to none.
	Owner string
	// IssuedBy is the issuer, KIND/NAME.
	IssuedBy string
	// IssuedAt is the time of issuance, to the second. Zero means not known.
	IssuedAt time.Time
	// SpecDigest, IssuedUnder, Outputs and VaultKV are documented with their annotations.
	SpecDigest, IssuedUnder, Outputs, VaultKV string
}

// MarksOf returns the marks of a Secret, or none for nil. What cannot be parsed is omitted.
func MarksOf(secret *corev1.Secret) Marks {
	if secret == nil {
		return Marks{}
	}
	a := secret.Annotations
	at, _ := time.Parse(time.RFC3339, a[v1alpha1.AnnotationIssuedAt])
	return Marks{
		Owner: a[v1alpha1.AnnotationCertificate], IssuedBy: a[v1alpha1.AnnotationIssuedBy], IssuedAt: at, SpecDigest: a[v1alpha1.AnnotationSpecDigest],
		IssuedUnder: a[v1alpha1.AnnotationIssuedUnder], Outputs: a[v1alpha1.AnnotationOutputs], VaultKV: a[v1alpha1.AnnotationVaultKV],
	}
}

func (m Marks) annotations() map[string]string {
	set := map[string]string{}
	if !m.IssuedAt.IsZero() {
		set[v1alpha1.AnnotationIssuedAt] = m.IssuedAt.UTC().Format(time.RFC3339)
	}
	for key, value := range map[string]string{
		v1alpha1.AnnotationCertificate: m.Owner, v1alpha1.AnnotationIssuedBy: m.IssuedBy, v1alpha1.AnnotationSpecDigest: m.SpecDigest, v1alpha1.AnnotationIssuedUnder: m.IssuedUnder,
		v1alpha1.AnnotationOutputs: m.Outputs, v1alpha1.AnnotationVaultKV: m.VaultKV,
	} {
		if value != "" {
			set[key] = value
		}
	}
	return set
}

// ownAnnotations are the annotations that this package writes.
var ownAnnotations = []string{
	v1alpha1.AnnotationCertificate, v1alpha1.AnnotationIssuedBy, v1alpha1.AnnotationIssuedAt, v1alpha1.AnnotationSpecDigest, v1alpha1.AnnotationIssuedUnder,
	v1alpha1.AnnotationOutputs, v1alpha1.AnnotationVaultKV, v1alpha1.AnnotationKeys, v1alpha1.AnnotationReleased,
}

// Content is the desired content of a certificate's Secret. Labels and Annotations are those of the spec's template.
type Content struct {
	Type                corev1.SecretType
	Data                map[string][]byte
	Labels, Annotations map[string]string
	Marks               Marks
}

// keys are the names that a write has set, so that the next one can remove what is no longer wanted.
type keys struct {
	Data        []string `json:"data,omitempty"`
	Labels      []string `json:"labels,omitempty"`
	Annotations []string `json:"annotations,omitempty"`
}

func (c Content) keys() string {
	text, _ := json.Marshal(keys{ // plain data always marshals
		slices.Sorted(maps.Keys(c.Data)), slices.Sorted(maps.Keys(c.Labels)), slices.Sorted(maps.Keys(c.Annotations)),
	})
	return string(text)
}

func keysOf(secret *corev1.Secret) keys {
	var set keys
	_ = json.Unmarshal([]byte(secret.Annotations[v1alpha1.AnnotationKeys]), &set) // a damaged value removes nothing
	return set
}

// HasOthers reports whether the Secret has data that this controller did not write.
func HasOthers(secret *corev1.Secret) bool {
	set := keysOf(secret)
	for key := range secret.Data {
		switch {
		case key == corev1.TLSCertKey, key == corev1.TLSPrivateKeyKey, key == corev1.ServiceAccountRootCAKey:
		case !slices.Contains(set.Data, key):
			return true
		}
	}
	return false
}

// OthersSize returns the size in bytes of the Secret's data that the content would not replace.
func (c Content) OthersSize(secret *corev1.Secret) (n int) {
	for key, value := range c.Apply(secret, types.NamespacedName{}).Data {
		if _, ours := c.Data[key]; !ours {
			n += len(value)
		}
	}
	return n
}

// Fits reports whether the Secret already has the content.
func (c Content) Fits(secret *corev1.Secret) bool {
	if secret == nil || secret.Type != c.Type {
		return false
	}
	after := c.Apply(secret, types.NamespacedName{})
	return equality.Semantic.DeepEqual(secret.Data, after.Data) && equality.Semantic.DeepEqual(secret.Labels, after.Labels) &&
		equality.Semantic.DeepEqual(secret.Annotations, after.Annotations)
}

// Apply returns the Secret with the content applied, or a new one if current is nil. It is pure.
func (c Content) Apply(current *corev1.Secret, key types.NamespacedName) *corev1.Secret {
	after := &corev1.Secret{Type: c.Type}
	after.Namespace, after.Name = key.Namespace, key.Name
	if current != nil {
		after = current.DeepCopy()
		after.Type = c.Type
		c.removeFormer(after)
	}
	after.Data = merged(after.Data, c.Data)
	after.Labels = merged(after.Labels, c.Labels)
	after.Labels[v1alpha1.LabelManaged] = "true"
	after.Annotations = merged(merged(after.Annotations, c.Annotations), c.Marks.annotations())
	after.Annotations[v1alpha1.AnnotationKeys] = c.keys()
	return after
}

// removeFormer removes what an earlier write has set and this one does not.
func (c Content) removeFormer(secret *corev1.Secret) {
	set := keysOf(secret)
	for _, key := range append(set.Data, corev1.TLSPrivateKeyKey, corev1.ServiceAccountRootCAKey) {
		delete(secret.Data, key)
	}
	for _, key := range set.Labels {
		delete(secret.Labels, key)
	}
	for _, key := range append(set.Annotations, ownAnnotations...) {
		delete(secret.Annotations, key)
	}
}

// released returns the Secret without the controller's metadata. The certificate stays, and an annotation says who released
// it.
func released(secret *corev1.Secret, by string) *corev1.Secret {
	after := secret.DeepCopy()
	delete(after.Labels, v1alpha1.LabelManaged)
	for _, key := range ownAnnotations {
		delete(after.Annotations, key)
	}
	metav1.SetMetaDataAnnotation(&after.ObjectMeta, v1alpha1.AnnotationReleased, by)
	return after
}

func merged[V any](have, want map[string]V) map[string]V {
	all := make(map[string]V, len(have)+len(want))
	maps.Copy(all, have)
	maps.Copy(all, want)
	return all
}
