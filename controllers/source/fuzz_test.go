// SPDX-License-Identifier: Apache-2.0

package source

import (
	"testing"
	"unicode/utf8"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/certspec"
)

// FuzzAnnotations: whatever annotations and fields say, there is either a certificate that nothing is wrong with or a
// problem, and what is sent is what the API server takes.
func FuzzAnnotations(f *testing.F) {
	for _, seed := range [][4]string{
		{"duration", "2160h", "www.example.com", "www-tls"},
		{"common-name", "ünïcode", "*.example.com", "a..b"},
		{"secret-template", `{"labels":{"a/b/c":"d"}}`, "a..b", "x"},
		{"secret-template", `{"annotations":{"apisix-certs.io/issued-at":"x"}}`, "a", "x"},
		{"ip-sans", "::1%eth0,1.2.3", "example.com.", "UPPER"},
		{"subject-organizations", `"`, "", ""},
		{"usages", "any,server auth,x", "a.b", "c"},
		{"alt-names", "a,b,ü", "a.b", "c"},
		{"key-storage", "VaultKV", "a.b", "c"},
		{"vault-kv-path", "../..", "a.b", "c"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, key, value, host, secretName string) {
		if !utf8.ValidString(key + value + host + secretName) {
			t.Skip("the API server gives UTF-8 only")
		}
		tls := &configv2.ApisixTls{Spec: &configv2.ApisixTlsSpec{Hosts: []configv2.HostType{configv2.HostType(host)}, Secret: configv2.ApisixSecret{Name: secretName}}}
		tls.Annotations = annotated(key, value)
		w := wantedByTLS(tls, Defaults{})
		if len(w.certificates())+len(w.faults()) == 0 && tls.Annotations[v1alpha1.AnnotationIssuer] == "vault" && tls.Annotations[v1alpha1.AnnotationManage] != "false" {
			t.Error("neither a certificate nor a problem")
		}
		for _, text := range w.problems {
			if !utf8.ValidString(text) {
				t.Errorf("problem is no UTF-8: %q", text)
			}
		}
		for _, cert := range w.certificates() {
			problem := cert.Annotations[v1alpha1.AnnotationSourceProblem]
			if len(problem) > 1024 || !utf8.ValidString(problem) {
				t.Errorf("problem cannot be kept: %q", problem)
			}
			if bad := certspec.Problems(&cert); len(cert.Spec.DNSNames) > 0 && len(bad) > 0 {
				t.Errorf("sent with problem %q: %v", problem, bad)
			}
		}
	})
}
