// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/certspec"
)

// RequestKind is cert-manager's CertificateRequest.
var RequestKind = issuer.ForeignKind("CertificateRequest")

// annotationPrivateKey is where a selfSigned issuer looks for the key to sign with.
const annotationPrivateKey = "cert-manager.io/private-key-secret-name"

// keySecret returns the Secret for a request's key. Its type is Opaque, so that no ingress controller uses it as a pair.
func keySecret(o Request, key certs.Key) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.Certificate.Namespace, Name: keyName(o.Certificate), Labels: map[string]string{v1alpha1.LabelManaged: "true"},
			Annotations: map[string]string{
				v1alpha1.AnnotationSpecDigest: o.digest(),
				v1alpha1.AnnotationRenewAt:    o.Certificate.Annotations[v1alpha1.AnnotationRenewAt],
			},
			OwnerReferences: []metav1.OwnerReference{ownedBy(o.Certificate)},
		},
		Type: corev1.SecretTypeOpaque, Immutable: ptr.To(true),
		Data: map[string][]byte{corev1.TLSPrivateKeyKey: key.PEM(certs.PKCS8)},
	}
}

// requestKeyOf parses a Secret that keySecret created. A broken key is omitted.
func requestKeyOf(secret *corev1.Secret) *requestKey {
	key, err := certs.ParseKey(secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		key = certs.Key{}
	}
	return &requestKey{
		name: secret.Name, uid: secret.UID, created: secret.CreationTimestamp.Time, key: key,
		digest: secret.Annotations[v1alpha1.AnnotationSpecDigest], renewAt: secret.Annotations[v1alpha1.AnnotationRenewAt],
	}
}

// certificateRequest returns the CertificateRequest for the spec, with the key in a Secret.
func certificateRequest(o Request, key *requestKey, csr []byte) *unstructured.Unstructured {
	ref := o.Certificate.Spec.IssuerRef.WithKind() // of cert-manager's group, or an external one
	spec := map[string]any{
		"request":   base64.StdEncoding.EncodeToString(csr),
		"isCA":      false,
		"usages":    usages(o.Spec),
		"issuerRef": map[string]any{"name": ref.Name, "kind": ref.Kind, "group": ref.Group},
	}
	if d := o.Spec.Duration; d > 0 {
		spec["duration"] = d.String()
	}
	request := newRequest(o.Certificate.Namespace, requestName(o.Certificate, key.uid))
	request.Object["spec"] = spec
	request.SetLabels(map[string]string{v1alpha1.LabelManaged: "true"})
	annotations := certspec.IssuerAnnotations(o.Certificate)
	annotations[annotationPrivateKey] = key.name
	request.SetAnnotations(annotations)
	request.SetOwnerReferences([]metav1.OwnerReference{ownedBy(o.Certificate)})
	return request
}

func newRequest(namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(RequestKind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

func usages(spec certs.Spec) []any {
	usages := spec.Usages
	if len(usages) == 0 {
		usages = []certs.Usage{certs.DigitalSignature, certs.KeyEncipherment, certs.ServerAuth}
	}
	var list []any
	for _, usage := range usages {
		list = append(list, string(usage))
	}
	return list
}

func ownedBy(cert *v1alpha1.ApisixCertificate) metav1.OwnerReference {
	ref := *metav1.NewControllerRef(cert, v1alpha1.GroupVersion.WithKind("ApisixCertificate"))
	ref.BlockOwnerDeletion = nil // it needs a permission of its own where an admission plugin checks it
	return ref
}

// keyName is the name of the Secret with the key of a request.
func keyName(cert *v1alpha1.ApisixCertificate) string {
	return cut(cert.Name, 200) + "-" + digest8(string(cert.UID)) + "-next"
}

// requestName depends on the key, so that a request is created only once.
func requestName(cert *v1alpha1.ApisixCertificate, key types.UID) string {
	return cut(cert.Name, 200) + "-" + digest8(string(key))
}

func cut(name string, most int) string { return strings.TrimRight(name[:min(len(name), most)], ".-") }

func digest8(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
