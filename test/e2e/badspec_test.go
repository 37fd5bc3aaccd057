// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// refused waits for a condition and an event that say why nothing is issued.
func (s *scene) refused(name, reason string, texts ...string) {
	s.Helper()
	s.condition(name, v1alpha1.ConditionIssued, metav1.ConditionFalse, reason, texts...)
	s.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, reason, texts...)
	s.event("ApisixCertificate", name, reason, texts...)
}

func TestInvalidHost(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.certificate("new", []string{"bad..host." + s.domain})
	s.refused("new", v1alpha1.ReasonInvalidSpec, "spec.dnsNames[0]", "bad..host")
	s.apply(strings.Replace(tlsYAML, "web.$domain", "-bad-.$domain", 1))
	s.event("ApisixTls", "web", v1alpha1.ReasonInvalidSource, "spec.hosts", "-bad-.")
	s.refused("web-tls", v1alpha1.ReasonInvalidSource, "spec.hosts", "-bad-.")

	s.certificate("works", []string{"works." + s.domain})
	old := s.ready("works", "works."+s.domain)
	cert := s.cert("works")
	before := cert.DeepCopy()
	cert.Spec.DNSNames = append(cert.Spec.DNSNames, "bad_host")
	s.must(s.Client.Patch(t.Context(), cert, client.MergeFrom(before)))
	s.condition("works", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "spec.dnsNames[1]", "bad_host")
	s.event("ApisixCertificate", "works", v1alpha1.ReasonInvalidSpec, "spec.dnsNames[1]", "bad_host")
	if leaf, err := s.served("works." + s.domain); err != nil || !leaf.Equal(old) {
		t.Errorf("the working certificate is not served any more: %v", err)
	}
}

func TestEmptyHosts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: empty, namespace: $ns, annotations: {apisix-certs.io/issuer: vault}}
spec:
  tls: [{secretName: empty-tls}]
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: httpbin, port: {number: 80}}}}]}}]
---
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: {name: empty, namespace: $ns, annotations: {apisix-certs.io/issuer: vault}}
spec:
  http: [{name: rule1, match: {paths: [/*]}, backends: [{serviceName: httpbin, servicePort: 80}]}]
`)
	s.event("Ingress", "empty", v1alpha1.ReasonInvalidSource, "spec.tls[].hosts", "add the hosts")
	s.event("ApisixRoute", "empty", v1alpha1.ReasonInvalidSource, "spec.http[].match.hosts", "add the hosts")
	err := s.Client.Create(t.Context(), &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "empty"},
		Spec:       v1alpha1.ApisixCertificateSpec{SecretName: "empty-tls", IssuerRef: v1alpha1.IssuerReference{Name: "vault"}},
	})
	if err == nil || !strings.Contains(err.Error(), "at least one of dnsNames") {
		t.Errorf("the API server says %v", err)
	}
}

func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.issuer("poor", "pki/sign/moelove-dot-info", func(spec *v1alpha1.VaultIssuerSpec) { spec.Auth.TokenSecretRef.Name = "later" })
	s.certificate("poor", []string{"poor." + s.domain}, func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "poor" })
	mend := []string{"spec.auth.tokenSecretRef", "Secret later does not exist", "create it"}
	s.issuerCondition("poor", metav1.ConditionFalse, v1alpha1.ReasonInvalidCredentials, mend...)
	s.event("VaultIssuer", "poor", v1alpha1.ReasonInvalidCredentials, mend...)
	s.refused("poor", v1alpha1.ReasonIssuerNotReady, mend...)
	s.secret("later", "Opaque", map[string]string{"token": s.token})
	s.issuerCondition("poor", metav1.ConditionTrue, v1alpha1.ReasonVaultReady)
	s.ready("poor", "poor."+s.domain)
}

func TestWrongAnnotation(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	problem := []string{"annotation apisix-certs.io/duration", `"soon"`, "use a value such as"}
	s.apply(strings.Replace(ingressYAML, "issuer: vault", "issuer: vault, apisix-certs.io/duration: soon", 1))
	s.event("Ingress", "shop", v1alpha1.ReasonInvalidSource, problem...)
	s.refused("shop-tls", v1alpha1.ReasonInvalidSource, problem...)
	s.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationDuration, "1h")
	s.ready("shop-tls", "shop."+s.domain)
}

// A slip in an annotation of what works must be seen, and must not stop it, renewals included.
func TestWrongAnnotationOfWorking(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(ingressYAML)
	s.ready("shop-tls", "shop."+s.domain)
	s.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationKeyAlgorithm, "DSA")
	problem := []string{"annotation apisix-certs.io/private-key-algorithm", `"DSA"`, "ECDSA"}
	s.event("Ingress", "shop", v1alpha1.ReasonInvalidSource, problem...)
	s.event("ApisixCertificate", "shop-tls", v1alpha1.ReasonInvalidSource, problem...)
	s.condition("shop-tls", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInvalidSource, problem...)
	old := s.cert("shop-tls").Status.Issued.SerialNumber
	s.renew("shop-tls")
	s.readyBut("shop-tls", old, "shop."+s.domain)
	s.condition("shop-tls", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInvalidSource, problem...)
	s.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationKeyAlgorithm, "")
	s.condition("shop-tls", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}
