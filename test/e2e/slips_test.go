// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// TestWalkthrough is the story that the project starts from, with its own manifests, and its first slip: the certificate
// lacks the host that the ApisixTls names.
func TestWalkthrough(t *testing.T) {
	t.Parallel()
	s := &scene{T: t, world: shared.World(t), ns: "default", domain: "moelove.info"}
	t.Cleanup(s.clear)
	for _, file := range []string{"issuer", "httpbin", "apisix", "certificate"} {
		s.must(s.ApplyFile(t.Context(), "samples/"+file+".yaml"))
	}
	s.issuerCondition("vault-issuer", metav1.ConditionTrue, v1alpha1.ReasonVaultReady)
	s.ready("moelove-info", "moelove.info", "www.moelove.info")

	cert := s.cert("moelove-info")
	before := cert.DeepCopy()
	cert.Spec.DNSNames = []string{"www.moelove.info"}
	s.must(s.Client.Patch(t.Context(), cert, client.MergeFrom(before)))
	mend := []string{"ApisixTls default/moelove", "moelove.info", "add moelove.info to spec.dnsNames"}
	s.condition("moelove-info", v1alpha1.ConditionServed, metav1.ConditionFalse, v1alpha1.ReasonHostNotCovered, mend...)
	s.condition("moelove-info", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonHostNotCovered, mend...)
	s.event("ApisixCertificate", "moelove-info", v1alpha1.ReasonHostNotCovered, mend...)
}

// The second slip: the issuer's auth role is called as the pki role, which auth/kubernetes does not know.
func TestSlipAuthRole(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: issuer, namespace: $ns}
---
apiVersion: v1
kind: Secret
metadata: {name: issuer-token, namespace: $ns, annotations: {kubernetes.io/service-account.name: issuer}}
type: kubernetes.io/service-account-token
---
apiVersion: apisix-certs.io/v1alpha1
kind: VaultIssuer
metadata: {name: slip, namespace: $ns}
spec:
  server: http://vault.default:8200
  path: pki/sign/moelove-dot-info
  auth: {kubernetes: {role: moelove-dot-info, mountPath: /v1/auth/kubernetes, secretRef: {name: issuer-token, key: token}}}
`)
	mend := []string{`invalid role name "moelove-dot-info"`, "set the role in the issuer's auth to one that exists"}
	s.issuerCondition("slip", metav1.ConditionFalse, v1alpha1.ReasonVaultRefused, mend...)
	s.event("VaultIssuer", "slip", v1alpha1.ReasonVaultRefused, mend...)
	s.certificate("slip", []string{"slip." + s.domain}, func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "slip" })
	s.condition("slip", v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonIssuerNotReady, mend...)
	s.event("ApisixCertificate", "slip", v1alpha1.ReasonIssuerNotReady, mend...)
}

// The third slip, and what the story does not tell: the role also refuses its own domain.
func TestSlipsOfRole(t *testing.T) {
	t.Parallel()
	for role, slip := range map[string]struct {
		host func(domain string) string
		mend []string
	}{
		"rsa-keys": {func(domain string) string { return "ec." + domain }, []string{"role requires keys of type rsa", "privateKey.algorithm: RSA", "key_type=any"}},
		"no-bare":  {func(string) string { return "moelove.info" }, []string{"moelove.info", "not allowed by this role", "allow_bare_domains"}},
	} {
		t.Run(role, func(t *testing.T) {
			s := newScene(t)
			s.issuer("strict", "pki/sign/"+role)
			s.certificate("slip", []string{slip.host(s.domain)}, func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "strict" })
			s.condition("slip", v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonRefused, slip.mend...)
			s.condition("slip", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefused, slip.mend...)
			s.event("ApisixCertificate", "slip", v1alpha1.ReasonRefused, slip.mend...)
		})
	}
}
