// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"strings"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

type tlsEdit func(*configv2.ApisixTls)

// newTLS is an ApisixTls "web" of namespace ns that verifies clients with Secret clients, filled by VaultIssuer vault.
func newTLS(edits ...tlsEdit) *configv2.ApisixTls {
	tls := &configv2.ApisixTls{Spec: &configv2.ApisixTlsSpec{Client: &configv2.ApisixMutualTlsClientConfig{CASecret: configv2.ApisixSecret{Namespace: "ns", Name: "clients"}}}}
	tls.Namespace, tls.Name, tls.UID = "ns", "web", "uid-web"
	tls.Annotations = map[string]string{v1alpha1.AnnotationClientCA: "vault"}
	for _, edit := range edits {
		edit(tls)
	}
	return tls
}

func clientCA(text string) tlsEdit {
	return func(tls *configv2.ApisixTls) { tls.Annotations = map[string]string{v1alpha1.AnnotationClientCA: text} }
}
func bare(tls *configv2.ApisixTls) { tls.Annotations = nil }
func caSecretIn(namespace, name string) tlsEdit {
	return func(tls *configv2.ApisixTls) {
		tls.Spec.Client.CASecret = configv2.ApisixSecret{Namespace: namespace, Name: name}
	}
}

func TestWish(t *testing.T) {
	for _, c := range []struct {
		name          string
		edits         []tlsEdit
		want, problem string
	}{
		{"a VaultIssuer", nil, "VaultIssuer/vault", ""},
		{"with its kind", []tlsEdit{clientCA("VaultIssuer/vault")}, "VaultIssuer/vault", ""},
		{"of the cluster", []tlsEdit{clientCA("ClusterVaultIssuer/vault")}, "ClusterVaultIssuer/vault", ""},
		{"of cert-manager", []tlsEdit{clientCA("ClusterIssuer/vault")}, "ClusterIssuer/vault", ""},
		{"white space", []tlsEdit{clientCA(" vault ")}, "VaultIssuer/vault", ""},
		{"none", []tlsEdit{bare}, "", ""},
		{"empty", []tlsEdit{clientCA("")}, "", `annotation apisix-certs.io/client-ca: "" is not an issuer: use`},
		{"another kind", []tlsEdit{clientCA("Secret/vault")}, "", `"Secret/vault" is not an issuer`},
		{"an external issuer", []tlsEdit{clientCA("AWSPCAIssuer.awspca.cert-manager.io/vault")}, "", "is not an issuer"},
		{"no name", []tlsEdit{clientCA("a b")}, "", `"a b" is not an issuer`},
		{"no spec.client", []tlsEdit{func(tls *configv2.ApisixTls) { tls.Spec.Client = nil }}, "", "spec.client.caSecret does not name a Secret: set the Secret"},
		{"no spec", []tlsEdit{func(tls *configv2.ApisixTls) { tls.Spec = nil }}, "", "spec.client.caSecret does not name a Secret"},
		{"another namespace", []tlsEdit{caSecretIn("other", "clients")}, "", `spec.client.caSecret.namespace is "other": only a Secret in the namespace of the ApisixTls is supported: write ns`},
		{"no name of a Secret", []tlsEdit{caSecretIn("ns", "a_b")}, "", `"a_b" is not a valid name of a Secret`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := wishOf(newTLS(c.edits...))
			if !strings.Contains(w.problem, c.problem) || (w.problem == "") != (c.problem == "") {
				t.Errorf("problem %q", w.problem)
			}
			if got := w.issuer.String(); w.present && w.problem == "" && got != c.want {
				t.Errorf("issuer %s", got)
			}
			if w.present != (c.want+c.problem != "") {
				t.Errorf("present %v", w.present)
			}
		})
	}
}
