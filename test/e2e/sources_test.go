// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

const ingressYAML = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: $ns
  annotations: {apisix-certs.io/issuer: vault}
spec:
  tls:
    - {hosts: [shop.$domain], secretName: shop-tls}
  rules:
    - host: shop.$domain
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: httpbin, port: {number: 80}}}}]}
`

const tlsYAML = `
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata:
  name: web
  namespace: $ns
  annotations: {apisix-certs.io/issuer: vault}
spec:
  hosts: [web.$domain, "*.wild.$domain"]
  secret: {name: web-tls, namespace: $ns}
`

const routeYAML = `
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata:
  name: api
  namespace: $ns
  annotations: {apisix-certs.io/issuer: vault}
spec:
  http:
    - name: rule1
      match: {hosts: [api.$domain], paths: [/*]}
      backends: [{serviceName: httpbin, servicePort: 80}]
`

func TestIngress(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(ingressYAML)
	leaf := s.ready("shop-tls", "shop."+s.domain)
	s.checkSecret("shop-tls", leaf)
	s.checkSSL("shop-tls", "shop."+s.domain, leaf)
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionIssued, v1alpha1.ConditionPushed, v1alpha1.ConditionServed} {
		s.condition("shop-tls", kind, metav1.ConditionTrue, map[string]string{
			v1alpha1.ConditionReady: v1alpha1.ReasonReady, v1alpha1.ConditionIssued: v1alpha1.ReasonIssued,
			v1alpha1.ConditionPushed: v1alpha1.ReasonPushed, v1alpha1.ConditionServed: v1alpha1.ReasonServed,
		}[kind])
	}
	s.event("Ingress", "shop", v1alpha1.ReasonCreated, "shop-tls")
	s.event("ApisixCertificate", "shop-tls", v1alpha1.ReasonIssued, "VaultIssuer/vault")
	s.must(s.Client.Delete(t.Context(), &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "shop"}}))
	s.gone("shop-tls", "shop."+s.domain)
	if _, err := s.served("shop." + s.domain); err == nil {
		t.Error("the host is still served")
	}
}

func TestApisixTls(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(tlsYAML)
	leaf := s.ready("web-tls", "web."+s.domain, "any.wild."+s.domain)
	s.checkSecret("web-tls", leaf)
	if want := []string{"*.wild." + s.domain, "web." + s.domain}; !slices.Equal(slices.Sorted(slices.Values(leaf.DNSNames)), want) {
		t.Errorf("DNS names %q, want %q", leaf.DNSNames, want)
	}
}

// An ingress controller makes no ssl object from a route: it needs an ApisixTls.
func TestApisixRoute(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(routeYAML)
	s.ready("api-tls", "api."+s.domain)
	made := &configv2.ApisixTls{}
	s.until("ApisixTls of the route", func() string {
		err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "api-tls"}, made)
		return errorText(err)
	})
	if owner := metav1.GetControllerOf(made); owner == nil || owner.Kind != "ApisixRoute" || owner.Name != "api" {
		t.Errorf("owner %+v", owner)
	}
	if made.Spec.Secret.Name != "api-tls" || !slices.Equal(made.Spec.Hosts, []configv2.HostType{configv2.HostType("api." + s.domain)}) {
		t.Errorf("spec %+v", made.Spec)
	}
}

// 2.x controllers refuse one host with two certificates.
func TestApisixRouteYields(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.certificate("wild", []string{"*." + s.domain})
	s.ready("wild", "api."+s.domain)
	s.apply(routeYAML)
	s.event("ApisixRoute", "api", v1alpha1.ReasonCovered, "api."+s.domain, "wild")
	if s.cert("api-tls").Name != "" || s.keptSecret("api-tls") != nil {
		t.Error("the route has a certificate of its own")
	}
	s.must(s.Client.Delete(t.Context(), s.cert("wild")))
	s.ready("api-tls", "api."+s.domain)
}

func TestHandWritten(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.certificate("hand", []string{"hand." + s.domain}, func(c *v1alpha1.ApisixCertificate) {
		c.Spec.CommonName = "hand." + s.domain
		c.Spec.PrivateKey = &v1alpha1.PrivateKey{Algorithm: "RSA", Size: 2048, Encoding: "PKCS1"}
		c.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"team": "shop"}}
	})
	leaf := s.ready("hand", "hand."+s.domain)
	s.checkSecret("hand-tls", leaf)
	if leaf.PublicKeyAlgorithm != x509.RSA || leaf.Subject.CommonName != "hand."+s.domain {
		t.Errorf("key %s, common name %q", leaf.PublicKeyAlgorithm, leaf.Subject.CommonName)
	}
	if s.keptSecret("hand-tls").Labels["team"] != "shop" {
		t.Error("the Secret lacks the label of secretTemplate")
	}
	s.checkColumns("hand", leaf)
}

// checkSecret checks that the Secret has the form that everyone expects, and that its chain verifies.
func (s *scene) checkSecret(name string, leaf *x509.Certificate) {
	s.Helper()
	secret := s.keptSecret(name)
	if secret.Type != corev1.SecretTypeTLS {
		s.Errorf("type %s", secret.Type)
	}
	if len(secret.Data) != 3 {
		s.Errorf("%d keys, want tls.crt, tls.key and ca.crt", len(secret.Data))
	}
	if err := s.verifier(name)(leaf, leaf.DNSNames[0]); err != nil {
		s.Errorf("chain: %v", err)
	}
}

// checkSSL checks the one ssl object of a host.
func (s *scene) checkSSL(name, host string, leaf *x509.Certificate) {
	s.Helper()
	ssls := s.ssls(host)
	if len(ssls) != 1 {
		s.Fatalf("%d ssl objects of %s", len(ssls), host)
	}
	chain, err := certs.ParseCertificates([]byte(ssls[0].Cert))
	s.must(err)
	if !chain[0].Equal(leaf) || ssls[0].Labels["managed-by"] != "apisix-certs" || ssls[0].Labels["apisix-certs.io/name"] != name {
		s.Errorf("ssl object %s with labels %v does not hold the certificate", ssls[0].ID, ssls[0].Labels)
	}
}

// checkColumns checks what kubectl get acert shows.
func (s *scene) checkColumns(name string, leaf *x509.Certificate) {
	s.Helper()
	columns := s.columns("apisixcertificates", name)
	delete(columns, "Age")
	want := map[string]string{
		"Name": name, "Ready": "True", "Hosts": leaf.DNSNames[0], "Served": "True",
		"Expires": leaf.NotAfter.UTC().Format(time.RFC3339), "Secret": name + "-tls", "Issuer": "vault",
	}
	for column, value := range want {
		if columns[column] != value {
			s.Errorf("column %s is %q, want %q", column, columns[column], value)
		}
	}
}

func errorText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}
