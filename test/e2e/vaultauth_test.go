// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

const tokenRBAC = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: issuer, namespace: $ns}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: tokens, namespace: $ns}
rules: [{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [issuer], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tokens, namespace: $ns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: tokens}
subjects: [{kind: ServiceAccount, name: apisix-certs, namespace: apisix-certs}]
`

// byAccount logs in with a token of ServiceAccount issuer as a role of Vault's Kubernetes auth method.
func (s *scene) byAccount(name, role string, audiences ...string) {
	s.Helper()
	s.issuer(name, "pki/sign/moelove-dot-info", func(spec *v1alpha1.VaultIssuerSpec) {
		spec.Auth = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{
			MountPath: "/v1/auth/kubernetes", Role: role, ServiceAccountRef: &v1alpha1.ServiceAccountReference{Name: "issuer", Audiences: audiences},
		}}
	})
}

// TestVaultKubernetesAuth uses Vault's Kubernetes auth method with the real API server: bound tokens by TokenRequest, with
// an audience of the issuer alone.
func TestVaultKubernetesAuth(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(tokenRBAC)
	vault := s.Vault.Client().Logical()
	for role, audience := range map[string]string{"good": "vault://" + s.ns + "/kube", "other": "vault://somebody/else"} {
		_, err := vault.WriteWithContext(t.Context(), "auth/kubernetes/role/"+s.ns+"-"+role, map[string]any{
			"bound_service_account_names": "issuer", "bound_service_account_namespaces": s.ns, "audience": audience, "policies": "signing", "ttl": "20m",
		})
		s.must(err)
	}
	s.byAccount("kube", s.ns+"-good")
	s.issuerCondition("kube", metav1.ConditionTrue, v1alpha1.ReasonVaultReady)
	s.certificate("web", []string{"web." + s.domain}, func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "kube" })
	s.ready("web", "web."+s.domain)

	s.byAccount("wrong", s.ns+"-other")
	s.issuerCondition("wrong", metav1.ConditionFalse, v1alpha1.ReasonVaultRefused, "audience does not match", "vault://NAMESPACE/ISSUER")
	s.byAccount("norole", "no-such-role")
	s.issuerCondition("norole", metav1.ConditionFalse, v1alpha1.ReasonVaultRefused, "invalid role name")

	token, err := s.Kube.Token(t.Context(), s.ns, "issuer", "vault://"+s.ns+"/kube")
	s.must(err)
	s.witness.Guard(token)
	s.must(s.Client.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "issuer"}}))
	s.byAccount("gone", s.ns+"-good")
	s.issuerCondition("gone", metav1.ConditionFalse, v1alpha1.ReasonInvalidCredentials, "ServiceAccount issuer does not exist in namespace "+s.ns)
	began := time.Now()
	s.within(20*time.Second, "Vault refuses the token of a deleted ServiceAccount", func() string { // the API server remembers it for 10 s
		login, err := s.Vault.Client().Clone()
		s.must(err)
		login.ClearToken()
		_, err = login.Logical().WriteWithContext(t.Context(), "auth/kubernetes/login", map[string]any{"role": s.ns + "-good", "jwt": token})
		if err == nil {
			time.Sleep(time.Second)
			return "it lets it in"
		}
		return ""
	})
	t.Logf("measure: vault_kubernetes_auth issued=1 wrong_audience=refused deleted_account=refused after=%s", fmt.Sprint(time.Since(began).Round(time.Second)))
}
