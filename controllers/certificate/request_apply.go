// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// RequestKind is cert-manager's CertificateRequest.
var RequestKind = issuer.ForeignKind("CertificateRequest")

// annotationPrivateKey is where an issuer of type selfSigned looks for the key to sign with.
const annotationPrivateKey = "cert-manager.io/private-key-secret-name"

// observeRequest finds what is on its way through cert-manager. from is the cache, or past it.
func (r *Reconciler) observeRequest(ctx context.Context, from client.Reader, o *observed) error {
	o.requested = requested{}
	secret := &corev1.Secret{}
	err := from.Get(ctx, client.ObjectKey{Namespace: o.cert.Namespace, Name: nextName(o.cert)}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("key of the request: %w", err)
	case !metav1.IsControlledBy(secret, o.cert):
		o.requested.blocked = &finding{v1alpha1.ReasonSecretNotOurs, "Secret " + secret.Name + " is in the way of the private key of a CertificateRequest: delete it"}
		return nil
	}
	o.requested.key = secret
	request := newRequest()
	err = r.Live.Get(ctx, client.ObjectKey{Namespace: secret.Namespace, Name: requestName(o.cert, secret)}, request)
	switch {
	case apierrors.IsNotFound(err), meta.IsNoMatchError(err):
		return nil
	case err != nil:
		return fmt.Errorf("CertificateRequest: %w", err)
	}
	o.requested.request = request
	return nil
}

func newRequest() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(RequestKind)
	return u
}

// issueByRequest takes the next step: it makes the request, or takes its answer. A request that is over is deleted with
// its key, and the next attempt makes new ones.
func (r *Reconciler) issueByRequest(ctx context.Context, o *observed, p plan) (step, error) {
	switch p.request {
	case requestReady:
		warnings, err := r.takeRequest(ctx, o, p)
		if dropErr := r.dropRequest(ctx, o); err == nil {
			err = dropErr
		}
		return step{issued: err == nil, warnings: warnings}, err
	case requestFailed:
		if err := r.dropRequest(ctx, o); err != nil {
			return step{}, err
		}
		return step{}, &RequestError{p.requestSays.message}
	}
	if o.requested.request == nil {
		if err := r.try(ctx, o, []byte("dry run")); err != nil {
			return step{}, err
		}
		if !inTime(p.decision.Reason) {
			r.signatures.spend(o.cert.UID, r.Clock.Now())
		}
	}
	if err := r.ask(ctx, o, p); err != nil {
		return step{}, err
	}
	return step{pending: &finding{v1alpha1.ReasonIssuing, "the CertificateRequest waits to be approved"}}, nil
}

// ask makes the key's Secret and then the request, which refers to it. Whatever of both is there already is used.
func (r *Reconciler) ask(ctx context.Context, o *observed, p plan) error {
	if key := o.requested.key; key != nil && (o.requested.request != nil || key.Annotations[v1alpha1.AnnotationSpecDigest] != o.requestDigest()) {
		if err := r.dropRequest(ctx, o); err != nil {
			return err
		}
	}
	if o.requested.key == nil {
		key, err := o.key(p)
		if err != nil {
			return err
		}
		secret := o.keySecret(key)
		if err := r.Create(ctx, secret, tlssecret.FieldOwner); err != nil {
			return fmt.Errorf("create Secret %s: %w", secret.Name, err)
		}
		o.requested.key = secret
	}
	key, err := certs.ParseKey(o.requested.key.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return fmt.Errorf("Secret %s: %w", o.requested.key.Name, err)
	}
	csr, err := certs.CreateRequest(o.spec, key)
	if err != nil {
		return fmt.Errorf("certificate request: %w", err)
	}
	request := o.certificateRequest(csr)
	err = r.Create(ctx, request, tlssecret.FieldOwner)
	if meta.IsNoMatchError(err) {
		return &RequestError{"the cluster has no CertificateRequests of cert-manager, by which " + o.cert.Spec.IssuerRef.String() + " is asked: install cert-manager, or correct spec.issuerRef"}
	}
	if client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("create CertificateRequest: %w", err)
	}
	return nil
}

// keySecret is of type Opaque, so that no ingress controller takes it for a pair.
func (o *observed) keySecret(key certs.Key) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: o.cert.Namespace, Name: nextName(o.cert), Labels: map[string]string{v1alpha1.LabelManaged: "true"},
			Annotations: map[string]string{
				v1alpha1.AnnotationSpecDigest: o.requestDigest(),
				v1alpha1.AnnotationRenewAt:    o.cert.Annotations[v1alpha1.AnnotationRenewAt],
			},
			OwnerReferences: []metav1.OwnerReference{ownedBy(o.cert)},
		},
		Type: corev1.SecretTypeOpaque, Immutable: ptr.To(true),
		Data: map[string][]byte{corev1.TLSPrivateKeyKey: key.PEM(certs.PKCS8)},
	}
}

// certificateRequest asks for the spec with the key in requested.key.
func (o *observed) certificateRequest(csr []byte) *unstructured.Unstructured {
	ref := o.cert.Spec.IssuerRef.WithKind() // of cert-manager's group, or an external one
	spec := map[string]any{
		"request":   base64.StdEncoding.EncodeToString(csr),
		"isCA":      false,
		"usages":    o.requestUsages(),
		"issuerRef": map[string]any{"name": ref.Name, "kind": ref.Kind, "group": ref.Group},
	}
	if d := o.spec.Duration; d > 0 {
		spec["duration"] = d.String()
	}
	request := newRequest()
	request.Object["spec"] = spec
	request.SetNamespace(o.cert.Namespace)
	request.SetName(requestName(o.cert, o.requested.key))
	request.SetLabels(map[string]string{v1alpha1.LabelManaged: "true"})
	request.SetAnnotations(map[string]string{annotationPrivateKey: o.requested.key.Name})
	request.SetOwnerReferences([]metav1.OwnerReference{ownedBy(o.cert)})
	return request
}

func (o *observed) requestUsages() []any {
	usages := o.spec.Usages
	if len(usages) == 0 {
		usages = []certs.Usage{certs.DigitalSignature, certs.KeyEncipherment, certs.ServerAuth}
	}
	var list []any
	for _, usage := range usages {
		list = append(list, string(usage))
	}
	return list
}

// takeRequest checks the answer as one of Vault is checked, and writes the Secret.
func (r *Reconciler) takeRequest(ctx context.Context, o *observed, p plan) ([]string, error) {
	key, err := certs.ParseKey(o.requested.key.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("Secret %s: %w", o.requested.key.Name, err)
	}
	chain, err := certs.ParseCertificates(append(requestBytes(o.requested.request, "certificate"), requestBytes(o.requested.request, "ca")...))
	if err != nil || len(chain) == 0 {
		return nil, &certs.AnswerError{Problem: "it holds no certificate that can be parsed", Mend: "check the issuer of cert-manager"}
	}
	bundle := certs.Assemble(chain[0], chain[1:], r.Clock.Now())
	return r.take(ctx, o, p.decision, vault.Answer{Bundle: bundle, CertPEM: bundle.CertPEM(), CAPEM: bundle.CAPEM()}, key)
}

// requestBytes reads PEM of a request's status.
func requestBytes(request *unstructured.Unstructured, field string) []byte {
	text, _, _ := unstructured.NestedString(request.Object, "status", field)
	data, _ := base64.StdEncoding.DecodeString(text)
	return append(data, '\n')
}

// dropRequest deletes what is on its way: the request first, so that no request is left without its key.
func (r *Reconciler) dropRequest(ctx context.Context, o *observed) error {
	if o.requested.request != nil {
		if err := r.Delete(ctx, o.requested.request); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete CertificateRequest: %w", err)
		}
	}
	if secret := o.requested.key; secret != nil {
		gone := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}}
		if err := r.Delete(ctx, gone, client.Preconditions{UID: &secret.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete Secret %s: %w", secret.Name, err)
		}
	}
	o.requested = requested{}
	return nil
}

func ownedBy(cert *v1alpha1.ApisixCertificate) metav1.OwnerReference {
	ref := *metav1.NewControllerRef(cert, v1alpha1.GroupVersion.WithKind("ApisixCertificate"))
	ref.BlockOwnerDeletion = nil // it would need a right of its own where an admission plugin checks that
	return ref
}

// nextName is the Secret that keeps the key of a request.
func nextName(cert *v1alpha1.ApisixCertificate) string {
	return cut(cert.Name, 200) + "-" + digest8(string(cert.UID)) + "-next"
}

// requestName is the same for the same key, so that a request is made once.
func requestName(cert *v1alpha1.ApisixCertificate, key *corev1.Secret) string {
	return cut(cert.Name, 200) + "-" + digest8(string(key.UID))
}

func cut(name string, most int) string { return strings.TrimRight(name[:min(len(name), most)], ".-") }

func digest8(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
