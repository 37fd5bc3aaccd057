// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// fault is a fault of a setup.
type fault struct {
	name string
	// plant causes the fault in its own namespace. Cleanup functions undo changes elsewhere.
	plant func(w *world, ns string)
	// args are the flags that differ from those of the healthy setup.
	args []string
	// object, where and fix are parts of the object of the finding, of its field and problem, and of its fix.
	object, where, fix string
}

// setUpRoles creates the Vault roles of the faults.
func (w *world) setUpRoles() {
	w.Helper()
	for name, data := range map[string]map[string]any{
		"rsa-keys": {"allowed_domains": "moelove.info", "allow_subdomains": true, "max_ttl": "72h"},
		"no-bare":  {"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "max_ttl": "72h"},
	} {
		_, err := w.Vault.Client().Logical().WriteWithContext(w.Context(), "pki/roles/"+name, data)
		w.must(err)
	}
}

// issuer creates VaultIssuer "vault" with a token.
func (w *world) issuer(ns, path, token string, change ...func(*v1alpha1.VaultIssuer)) {
	w.Helper()
	w.secret(ns, "token", map[string]string{"token": token})
	one := &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "vault"}}
	one.Spec = v1alpha1.VaultIssuerSpec{Server: w.Vault.Address, Path: path, Auth: v1alpha1.VaultAuth{TokenSecretRef: &v1alpha1.SecretKeySelector{Name: "token"}}}
	for _, f := range change {
		f(one)
	}
	w.must(w.Client.Create(w.Context(), one))
}

// certificate creates an ApisixCertificate of VaultIssuer "vault".
func (w *world) certificate(ns string, hosts []string, change ...func(*v1alpha1.ApisixCertificateSpec)) {
	w.Helper()
	cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web"}}
	cert.Spec = v1alpha1.ApisixCertificateSpec{SecretName: "web-tls", DNSNames: hosts, IssuerRef: v1alpha1.IssuerReference{Name: "vault"}}
	for _, f := range change {
		f(&cert.Spec)
	}
	w.must(w.Client.Create(w.Context(), cert))
}

const goodPath = "pki/sign/moelove-dot-info"

// faults returns all faults. The last one stops the controller.
func (w *world) faults() []fault {
	return slices.Concat(w.certificateFaults(), w.issuerFaults(), w.gatewayFaults(), w.clusterFaults())
}

func (w *world) certificateFaults() []fault {
	root := w.Vault.Token
	return []fault{
		{"slip: the certificate lacks a host", func(w *world, ns string) {
			w.issuer(ns, goodPath, root)
			w.certificate(ns, []string{"www." + ns + ".moelove.info"})
			tls := &configv2.ApisixTls{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web"}, Spec: &configv2.ApisixTlsSpec{Hosts: []configv2.HostType{configv2.HostType(ns + ".moelove.info")}}}
			tls.Spec.Secret.Namespace, tls.Spec.Secret.Name = ns, "web-tls"
			w.must(w.Client.Create(w.Context(), tls))
		}, nil, "ApisixCertificate $ns/web", "spec.dnsNames ApisixTls", "to spec.dnsNames"},
		{"slip: the role refuses EC keys", func(w *world, ns string) {
			w.issuer(ns, "pki/sign/rsa-keys", root)
			w.certificate(ns, []string{"www." + ns + ".moelove.info"})
		}, nil, "ApisixCertificate $ns/web", "spec.privateKey.algorithm", "set privateKey.algorithm: RSA, or the role's key_type=any"},
		{"the role refuses its own domain", func(w *world, ns string) {
			w.issuer(ns, "pki/sign/no-bare", root)
			w.certificate(ns, []string{"moelove.info"})
		}, nil, "ApisixCertificate $ns/web", "spec.dnsNames[0]", "allow_bare_domains"},
		{"a duration longer than the max_ttl of the role", func(w *world, ns string) {
			w.issuer(ns, goodPath, root)
			w.certificate(ns, []string{"www." + ns + ".moelove.info"}, func(s *v1alpha1.ApisixCertificateSpec) { s.Duration = &metav1.Duration{Duration: 1000 * time.Hour} })
		}, nil, "ApisixCertificate $ns/web", "spec.duration", "raise the role's max_ttl"},
		{"no such issuer", func(w *world, ns string) { w.certificate(ns, []string{"www." + ns + ".moelove.info"}) }, nil,
			"ApisixCertificate $ns/web", "spec.issuerRef VaultIssuer ", "create it, or correct spec.issuerRef"},
		{"the Secret is not managed", func(w *world, ns string) {
			w.issuer(ns, goodPath, root)
			w.secret(ns, "web-tls", map[string]string{"a": "b"})
			w.certificate(ns, []string{"www." + ns + ".moelove.info"})
		}, nil, "ApisixCertificate $ns/web", "SecretNotManaged", "adopt-secret"},
		{"a source that names no Secret", func(w *world, ns string) {
			ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web", Annotations: map[string]string{v1alpha1.AnnotationIssuer: "vault"}}}
			ingress.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{"a." + ns + ".moelove.info"}}}
			ingress.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}
			w.create(ingress)
		}, nil, "Ingress $ns/web", "spec.tls[0].secretName is empty", "name the Secret for the certificate"},
	}
}

func (w *world) issuerFaults() []fault {
	root := w.Vault.Token
	return []fault{
		{"slip: the auth role is that of pki", func(w *world, ns string) {
			w.issuer(ns, goodPath, root, func(i *v1alpha1.VaultIssuer) {
				jwt, err := w.Kube.Token(w.Context(), "default", "issuer")
				w.must(err)
				w.secret(ns, "jwt", map[string]string{"token": jwt})
				i.Spec.Auth = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "moelove-dot-info", SecretRef: &v1alpha1.SecretKeySelector{Name: "jwt"}}}
			})
		}, nil, "VaultIssuer $ns/vault", `spec.auth invalid role name "moelove-dot-info"`, "set the role in the issuer's auth to one that exists"},
		{"no Secret with credentials", func(w *world, ns string) {
			w.issuer(ns, goodPath, root, func(i *v1alpha1.VaultIssuer) { i.Spec.Auth.TokenSecretRef.Name = "nowhere" })
		}, nil, "VaultIssuer $ns/vault", "spec.auth.tokenSecretRef Secret nowhere does not exist", "create it"},
		{"a token that Vault does not know", func(w *world, ns string) { w.issuer(ns, goodPath, "hvs.wrong") }, nil,
			"VaultIssuer $ns/vault", "the token is unknown to Vault", "configure a valid token"},
		{"no such role", func(w *world, ns string) { w.issuer(ns, "pki/sign/nowhere", root) }, nil,
			"VaultIssuer $ns/vault", "spec.path unknown role", "check the role in the issuer's path"},
		{"a policy that does not allow to sign", func(w *world, ns string) { w.issuer(ns, "pki/sign/no-bare", w.limitedToken()) }, nil,
			"VaultIssuer $ns/vault", "does not allow pki/sign/no-bare", "grant it the capability update on this path"},
		{"Vault is not there", func(w *world, ns string) {
			w.issuer(ns, goodPath, root, func(i *v1alpha1.VaultIssuer) { i.Spec.Server = "http://127.0.0.1:1" })
		}, nil, "VaultIssuer $ns/vault", "spec.server the connection to Vault was refused", "check server, and that Vault is running"},
		{"a ServiceAccount without a Role for its tokens", func(w *world, ns string) {
			w.issuer(ns, goodPath, root, func(i *v1alpha1.VaultIssuer) {
				i.Spec.Auth = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "issuer", ServiceAccountRef: &v1alpha1.ServiceAccountReference{Name: "default"}}}
			})
		}, nil, "VaultIssuer $ns/vault", "serviceAccountRef the controller is not allowed to create tokens", "--resource=serviceaccounts/token"},
	}
}

func (*world) gatewayFaults() []fault {
	return []fault{
		{"an admin key that the gateway rejects", func(w *world, _ string) { w.Setenv("APISIX_CERTS_APISIX_ADMIN_KEY", "wrong") }, nil,
			"gateway default", "APISIX_CERTS_APISIX_ADMIN_KEY the Admin API rejected the admin key", "deployment.admin.admin_key"},
		{"an empty Secret of the admin key", func(w *world, ns string) {
			w.Setenv("APISIX_CERTS_APISIX_ADMIN_KEY", "")
			w.secret(ns, "key", map[string]string{"other": "x"})
		}, []string{"--apisix-admin-key-secret", "$ns/key"}, "--apisix-admin-key-secret", "has no value in key admin", "set it to the admin key"},
		{"an address that may not administer", func(w *world, _ string) {
			w.StandIn.Fail(func(r *http.Request) *apisixtest.Failure {
				if !strings.HasPrefix(r.UserAgent(), "apisix-certs/"+buildVersion()) || r.URL.Query().Get("page_size") != "10" {
					return nil
				}
				return &apisixtest.Failure{Status: 403, Body: `{"error_msg":"forbidden"}`}
			})
			w.Cleanup(func() { w.StandIn.Fail(nil) })
		}, nil, "gateway default", "the Admin API rejects the IP address of this client", "allow_admin"},
		{"nothing at the Admin API's address", func(*world, string) {}, []string{"--apisix-admin-url", "http://127.0.0.1:1"},
			"gateway default", "--apisix-admin-url cannot connect to the Admin API", "check the address and that the gateway runs"},
		{"something else at the Admin API's address", func(*world, string) {}, []string{"--apisix-admin-url", "$vault"},
			"gateway default", "the response is not from an Admin API", "9180 by default"},
		{"a gateway older than APISIX 3.0", func(w *world, _ string) { w.release(apisixtest.Before3) }, nil,
			"gateway default", "APISIX/2.15.3 is older than 3.0.0", "upgrade the gateway to APISIX 3.0.0 or later"},
		{"a gateway with Admin API v2", func(w *world, _ string) { w.release(apisixtest.FormV2) }, nil,
			"gateway default", "APISIX/3.18.0 responds as Admin API v2", "set deployment.admin.admin_api_version to v3"},
		{"an admin key of role viewer", func(w *world, _ string) { w.Setenv("APISIX_CERTS_APISIX_ADMIN_KEY", apisixtest.DefaultViewerKey) }, nil,
			"gateway default", "APISIX_CERTS_APISIX_ADMIN_KEY the admin key is read-only", "key of role admin"},
		{"a TLS port without TLS", func(*world, string) {}, []string{"--apisix-tls-addr", "$admin"},
			"gateway default", "the port does not speak TLS", "apisix.ssl.enable"},
		{"nothing at the TLS port", func(*world, string) {}, []string{"--apisix-tls-addr", "127.0.0.1:1"},
			"gateway default", "the gateway's TLS port cannot be reached", "9443 by default"},
	}
}

// release sets the version of the gateway for the test. The cleanup waits until no certificate is refused any more.
func (w *world) release(release apisixtest.Release) {
	w.StandIn.SetRelease(release)
	w.Cleanup(func() {
		w.StandIn.SetRelease(apisixtest.Current)
		err := wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, 90*time.Second, true, func(ctx context.Context) (bool, error) {
			var list v1alpha1.ApisixCertificateList
			err := w.Client.List(ctx, &list)
			refused := slices.ContainsFunc(list.Items, func(cert v1alpha1.ApisixCertificate) bool {
				c := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionPushed)
				return c != nil && c.Reason == v1alpha1.ReasonGatewayRefused
			})
			return !refused, err
		})
		if err != nil {
			w.Errorf("a certificate is still refused: %v", err)
		}
	})
}

func (*world) clusterFaults() []fault {
	return []fault{
		{"the role of the controller lacks a rule", func(w *world, _ string) { w.loseRule() }, nil,
			"ServiceAccount apisix-certs/apisix-certs", "it cannot list, watch endpointslices.discovery.k8s.io", "kubectl apply -f manifests/rbac"},
		{"readers of the page cannot be authenticated", func(*world, string) {}, []string{"--page-bind-address", ":8089"},
			"ServiceAccount apisix-certs/apisix-certs", "it cannot create ", "page.service.enabled=true, or kubectl create clusterrolebinding apisix-certs-access"},
		{"a CRD of an older version", func(w *world, _ string) { w.oldCRD() }, nil,
			"CustomResourceDefinition clustervaultissuers.apisix-certs.io", "spec.limits", "kubectl apply --server-side -f manifests/crds"},
		{"a missing CRD", func(w *world, _ string) { w.noCRD() }, nil,
			"CustomResourceDefinition certificatepolicies.apisix-certs.io", "the CRD is not installed", "kubectl apply --server-side -f manifests/crds"},
		{"no controller runs", func(w *world, _ string) { w.must(w.controller.Stop()) }, nil,
			"Lease apisix-certs/apisix-certs", "no controller is running", "start the controller"},
	}
}

// limitedToken returns a Vault token with policy pki.
func (w *world) limitedToken() string {
	w.Helper()
	secret, err := w.Vault.Client().Logical().WriteWithContext(w.Context(), "auth/token/create", map[string]any{"policies": []string{"pki"}})
	w.must(err)
	return secret.Auth.ClientToken
}

// delegate permits the controller to authenticate readers, as the fix says.
func (w *world) delegate() {
	w.Helper()
	account := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: "apisix-certs", Name: "apisix-certs"}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "apisix-certs-access"}, Subjects: []rbacv1.Subject{account}}
	binding.RoleRef = rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:auth-delegator"}
	w.create(binding)
}

// loseRule removes a rule from the ClusterRole of the controller that it does not need here.
func (w *world) loseRule() {
	w.Helper()
	role := &rbacv1.ClusterRole{}
	w.must(w.Client.Get(w.Context(), client.ObjectKey{Name: "apisix-certs"}, role))
	before := role.DeepCopy()
	for i := range role.Rules {
		if role.Rules[i].Resources[0] == "endpointslices" {
			role.Rules[i].Resources[0] = "nothing"
		}
	}
	w.must(w.Client.Patch(w.Context(), role, client.MergeFrom(before)))
	w.Cleanup(func() { w.must(w.ApplyFolder(context.Background(), "rbac")) })
}

func (w *world) crd(name string) *unstructured.Unstructured {
	w.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	w.must(w.Client.Get(w.Context(), client.ObjectKey{Name: name + ".apisix-certs.io"}, crd))
	return crd
}

// oldCRD removes a field from a CRD that is not used here.
func (w *world) oldCRD() {
	w.Helper()
	crd := w.crd("clustervaultissuers")
	properties := schemaOf(crd)["properties"].(map[string]any)["spec"].(map[string]any)["properties"].(map[string]any)
	delete(properties, "limits")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	w.must(unstructured.SetNestedField(versions[0].(map[string]any), properties, "schema", "openAPIV3Schema", "properties", "spec", "properties"))
	w.must(unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"))
	w.must(w.Client.Update(w.Context(), crd))
	w.Cleanup(func() { w.must(w.ApplyFolder(context.Background(), "crds")) })
}

// noCRD deletes a CRD that is not used here.
func (w *world) noCRD() {
	w.Helper()
	w.must(w.Client.Delete(w.Context(), w.crd("certificatepolicies")))
	w.Cleanup(func() { w.must(w.ApplyFolder(context.Background(), "crds")) })
}
