// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// TestIssuerRules: what the API server refuses, the controller refuses in the same words, as for issuers of cert-manager
// and for those that are older than a rule.
func TestIssuerRules(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ca := certstest.PEM(certstest.NewCA(t, "ca", time.Now().Add(time.Hour)).Cert)
	ref := &v1alpha1.SecretKeySelector{Name: "x"}
	account := &v1alpha1.ServiceAccountReference{Name: "x"}
	for name, change := range map[string]func(*v1alpha1.VaultIssuerSpec){
		"no-scheme":          func(spec *v1alpha1.VaultIssuerSpec) { spec.Server = "vault:8200" },
		"password-in-server": func(spec *v1alpha1.VaultIssuerSpec) { spec.Server = "https://a:s3cr3t@vault" },
		"query-in-server":    func(spec *v1alpha1.VaultIssuerSpec) { spec.Server = "https://vault/?a=b" },
		"v1-in-server":       func(spec *v1alpha1.VaultIssuerSpec) { spec.Server = "https://vault/v1/" },
		"path-of-no-role":    func(spec *v1alpha1.VaultIssuerSpec) { spec.Path = "pki/roles/web" },
		"path-cut-short":     func(spec *v1alpha1.VaultIssuerSpec) { spec.Path = "sign/web" },
		"http-with-bundle":   func(spec *v1alpha1.VaultIssuerSpec) { spec.Server, spec.CABundle = "http://vault", ca },
		"two-bundles": func(spec *v1alpha1.VaultIssuerSpec) {
			spec.Server, spec.CABundle, spec.CABundleSecretRef = "https://vault", ca, ref
		},
		"certificate-without-key": func(spec *v1alpha1.VaultIssuerSpec) { spec.Server, spec.ClientCertSecretRef = "https://vault", ref },
		"no-auth":                 func(spec *v1alpha1.VaultIssuerSpec) { spec.Auth = v1alpha1.VaultAuth{} },
		"two-auths":               func(spec *v1alpha1.VaultIssuerSpec) { spec.Auth.JWT = &v1alpha1.VaultJWT{SecretRef: ref} },
		"kubernetes-without-token": func(spec *v1alpha1.VaultIssuerSpec) {
			spec.Auth = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "r"}}
		},
		"kubernetes-with-two": func(spec *v1alpha1.VaultIssuerSpec) {
			spec.Auth = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "r", SecretRef: ref, ServiceAccountRef: account}}
		},
		"jwt-without-token": func(spec *v1alpha1.VaultIssuerSpec) { spec.Auth = v1alpha1.VaultAuth{JWT: &v1alpha1.VaultJWT{}} },
	} {
		spec := v1alpha1.VaultIssuerSpec{Server: "https://vault", Path: "pki/sign/web", Auth: v1alpha1.VaultAuth{TokenSecretRef: ref}}
		change(&spec)
		problem := firstProblem(&spec)
		if problem == nil {
			t.Errorf("%s: the controller finds nothing", name)
			continue
		}
		for kind, err := range map[string]error{
			"VaultIssuer":        s.Client.Create(t.Context(), &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Spec: spec}),
			"ClusterVaultIssuer": s.Client.Create(t.Context(), &v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: s.ns + "-" + name}, Spec: spec}),
		} {
			words := problem.Problem + ": " + problem.Mend
			if err == nil || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "spec."+problem.Field) && name != "certificate-without-key" {
				t.Errorf("%s %s: the controller says %q, the API server: %v", kind, name, problem.Error(), err)
			}
		}
	}
	for name, server := range map[string]string{"with-a-path": "https://proxy.example/vault/", "plain": "http://127.0.0.1:8200"} {
		s.must(s.Client.Create(t.Context(), &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Spec: v1alpha1.VaultIssuerSpec{
			Server: server, Path: "/v1/team/pki/issuer/new/sign/web", Auth: v1alpha1.VaultAuth{TokenSecretRef: ref},
		}}))
	}
}

// firstProblem is what the controller finds in a spec.
func firstProblem(spec *v1alpha1.VaultIssuerSpec) *certs.FieldError {
	config := vault.Config{Server: spec.Server, Path: spec.Path, CABundle: spec.CABundle, Now: time.Now, Auth: vault.TokenAuth{Token: vault.NewSecret("t")}}
	for _, problem := range append(issuer.Problems(spec), config.Validate()...) {
		return &problem
	}
	return nil
}
