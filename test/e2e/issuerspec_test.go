// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer/issuertest"
)

// TestIssuerRules: the API server refuses each row of the table in its words. That the controller does too is TestRules of
// controllers/issuer.
func TestIssuerRules(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, row := range issuertest.Rows(t) {
		spec := issuertest.Good()
		row.Break(&spec)
		for kind, err := range s.createIssuers(row.Name, spec) {
			if err == nil || !strings.Contains(err.Error(), row.Message) || !strings.Contains(err.Error(), "spec."+row.Field) {
				t.Errorf("%s %s: the table says %s %s, the API server: %v", kind, row.Name, row.Field, row.Message, err)
			}
		}
	}
	good := 0
	for _, server := range issuertest.GoodServers {
		for _, path := range issuertest.GoodPaths {
			spec := issuertest.Good()
			spec.Server, spec.Path = server, path
			good++
			for kind, err := range s.createIssuers(fmt.Sprintf("good-%d", good), spec) {
				if err != nil {
					t.Errorf("%s %s %s: %v", kind, server, path, err)
				}
			}
		}
	}
}

// createIssuers creates an issuer of each kind, and gives the errors.
func (s *scene) createIssuers(name string, spec v1alpha1.VaultIssuerSpec) map[string]error {
	return map[string]error{
		"VaultIssuer":        s.Client.Create(s.Context(), &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}, Spec: spec}),
		"ClusterVaultIssuer": s.Client.Create(s.Context(), &v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: s.ns + "-" + name}, Spec: spec}),
	}
}
