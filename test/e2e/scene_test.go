// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// patience is how long a test waits for what should happen in well under a second, on a machine that is busy.
const patience = 30 * time.Second

// scene is one test's part of the world.
type scene struct {
	*testing.T
	*world
	// ns is its namespace, domain the one below which its hosts are.
	ns, domain string
}

// newScene makes a namespace with a VaultIssuer "vault". At its end all certificates of the scene must go.
func newScene(t *testing.T) *scene {
	t.Helper()
	return newNamespace(t, strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(t.Name(), "Test"))))
}

// newNamespace is newScene with a name of its own, for tests of several namespaces.
func newNamespace(t *testing.T, name string) *scene {
	t.Helper()
	return newNamespaceOf(t, shared.World(t), name)
}

func newNamespaceOf(t *testing.T, w *world, name string) *scene {
	t.Helper()
	s := &scene{T: t, world: w, ns: name, domain: name + ".moelove.info"}
	s.must(s.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
	s.secret("vault-token", corev1.SecretTypeOpaque, map[string]string{"token": s.token})
	s.issuer("vault", "pki/sign/moelove-dot-info")
	t.Cleanup(s.clear)
	return s
}

// clear deletes what makes certificates, and the certificates, and waits until they have gone.
func (s *scene) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for _, object := range []client.Object{&networkingv1.Ingress{}, &configv2.ApisixTls{}, newRouteObject(), newUpstreamObject(), &v1alpha1.ApisixCertificate{}} {
		if err := s.Client.DeleteAllOf(ctx, object, client.InNamespace(s.ns)); err != nil {
			s.Errorf("delete: %v", err)
		}
	}
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		var left v1alpha1.ApisixCertificateList
		err := s.Client.List(ctx, &left, client.InNamespace(s.ns))
		return len(left.Items) == 0, err
	})
	if err != nil {
		s.Errorf("ApisixCertificates do not go: %v", err)
	}
	// Issuers go before their credentials do, which would have to be told.
	if err := s.Client.DeleteAllOf(ctx, &v1alpha1.VaultIssuer{}, client.InNamespace(s.ns)); err != nil {
		s.Errorf("delete: %v", err)
	}
	_ = s.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.ns}})
}

// newRouteObject is an empty ApisixRoute.
func newRouteObject() *unstructured.Unstructured {
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixRoute"})
	return route
}

// newUpstreamObject is an empty ApisixUpstream.
func newUpstreamObject() *unstructured.Unstructured {
	upstream := &unstructured.Unstructured{}
	upstream.SetGroupVersionKind(schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixUpstream"})
	return upstream
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// text puts the scene's namespace and domain into a manifest, for $ns and $domain.
func (s *scene) text(yaml string) string {
	return strings.NewReplacer("$ns", s.ns, "$domain", s.domain).Replace(yaml)
}

// apply applies manifests as kubectl does, see text.
func (s *scene) apply(yaml string) {
	s.Helper()
	s.must(s.Apply(s.Context(), s.Name(), []byte(s.text(yaml))))
}

// issuer makes a VaultIssuer that logs in with the token in Secret vault-token.
func (s *scene) issuer(name, path string, change ...func(*v1alpha1.VaultIssuerSpec)) {
	s.Helper()
	issuer := &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Spec: v1alpha1.VaultIssuerSpec{
		Server: s.vault.URL, Path: path,
		Auth: v1alpha1.VaultAuth{TokenSecretRef: &v1alpha1.SecretKeySelector{Name: "vault-token", Key: "token"}},
	}}
	for _, c := range change {
		c(&issuer.Spec)
	}
	s.must(s.Client.Create(s.Context(), issuer))
}

// secret makes a Secret.
func (s *scene) secret(name string, kind corev1.SecretType, data map[string]string) {
	s.Helper()
	s.must(s.Client.Create(s.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Type: kind, StringData: data,
	}))
}

// certificate makes an ApisixCertificate of Secret NAME-tls by issuer vault.
func (s *scene) certificate(name string, hosts []string, change ...func(*v1alpha1.ApisixCertificate)) {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: name + "-tls", IssuerRef: v1alpha1.IssuerReference{Name: "vault"}, DNSNames: hosts,
	}}
	for _, c := range change {
		c(cert)
	}
	s.must(s.Client.Create(s.Context(), cert))
}

// annotate sets an annotation on an object; an empty value removes it.
func (s *scene) annotate(object client.Object, name, key, value string) {
	s.Helper()
	s.must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, object))
	before := object.DeepCopyObject().(client.Object)
	annotations := map[string]string{}
	for k, v := range object.GetAnnotations() {
		annotations[k] = v
	}
	if annotations[key] = value; value == "" {
		delete(annotations, key)
	}
	object.SetAnnotations(annotations)
	s.must(s.Client.Patch(s.Context(), object, client.MergeFrom(before)))
}

// renew asks for a renewal at once, as "apisix-certs renew" does. Such a wish is told in seconds, so it waits first until
// the certificate there is was not issued in the same one. It returns the value that was set.
func (s *scene) renew(name string) time.Time {
	s.Helper()
	for !s.issuedAt(name).Before(time.Now().Truncate(time.Second)) {
		time.Sleep(5 * time.Millisecond)
	}
	now := time.Now().Truncate(time.Second)
	s.annotate(&v1alpha1.ApisixCertificate{}, name, v1alpha1.AnnotationRenewAt, now.UTC().Format(time.RFC3339))
	return now
}

// issuedAt is when the certificate in the Secret was issued, to the second; zero where there is none.
func (s *scene) issuedAt(name string) time.Time {
	s.Helper()
	secret := s.keptSecret(s.cert(name).Spec.SecretName)
	if secret == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, secret.Annotations[v1alpha1.AnnotationIssuedAt])
	s.must(err)
	return at
}

// until asks every few milliseconds. What done returns last is what was in the way; it is empty when there is nothing.
func (s *scene) until(what string, done func() (obstacle string)) {
	s.Helper()
	s.within(patience, what, done)
}

func (s *scene) within(most time.Duration, what string, done func() string) {
	s.Helper()
	var obstacle string
	err := wait.PollUntilContextTimeout(s.Context(), 5*time.Millisecond, most, true, func(context.Context) (bool, error) {
		obstacle = done()
		return obstacle == "", nil
	})
	if err != nil {
		s.Fatalf("%s: not within %s: %s", what, most, obstacle)
	}
}
