// SPDX-License-Identifier: Apache-2.0

package certspec

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestIssuerAnnotations(t *testing.T) {
	cert := &v1alpha1.ApisixCertificate{}
	cert.Annotations = map[string]string{}
	for _, name := range []string{
		"venafi.cert-manager.io/custom-fields", "ejbca.example/profile", "deep.ejbca.example/profile",
		"notejbca.example/x", "plain", "cert-manager.io/private-key-secret-name", v1alpha1.AnnotationRenewAt,
		"kubectl.kubernetes.io/last-applied-configuration", "argocd.argoproj.io/tracking-id",
	} {
		cert.Annotations[name] = "theirs"
	}
	cert.Spec.IssuerRef = v1alpha1.IssuerReference{Group: "ejbca.example", Kind: "Issuer", Name: "x"}
	want := map[string]string{"venafi.cert-manager.io/custom-fields": "theirs", "ejbca.example/profile": "theirs", "deep.ejbca.example/profile": "theirs"}
	if diff := cmp.Diff(want, IssuerAnnotations(cert)); diff != "" {
		t.Error(diff)
	}
	for _, group := range []string{"", v1alpha1.GroupVersion.Group} {
		cert.Spec.IssuerRef = v1alpha1.IssuerReference{Group: group, Name: "x"}
		if got := IssuerAnnotations(cert); got == nil || len(got) > 0 {
			t.Errorf("a VaultIssuer, group %q: %v", group, got)
		}
	}
	cert.Spec.IssuerRef = v1alpha1.IssuerReference{Group: v1alpha1.GroupCertManager, Name: "x"}
	want = map[string]string{"venafi.cert-manager.io/custom-fields": "theirs"}
	if diff := cmp.Diff(want, IssuerAnnotations(cert)); diff != "" {
		t.Error(diff)
	}
}
