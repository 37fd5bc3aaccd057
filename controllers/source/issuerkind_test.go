// SPDX-License-Identifier: Apache-2.0

package source

import (
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// TestIssuerKind tells which issuer annotations and --default-issuer lead to.
func TestIssuerKind(t *testing.T) {
	const ours, theirs = "apisix-certs.io", "cert-manager.io"
	for _, c := range []struct {
		scope, kind, group, byDefault string // scope: issuer or cluster-issuer
		want                          string // KIND.GROUP
		problems                      int
	}{
		{"issuer", "", "", "", "VaultIssuer.", 0},
		{"issuer", "", ours, "", "VaultIssuer.", 0},
		{"issuer", "", theirs, "", "Issuer.cert-manager.io", 0},
		{"cluster-issuer", "", theirs, "", "ClusterIssuer.cert-manager.io", 0},
		{"issuer", "ClusterIssuer", "", "", "ClusterIssuer.cert-manager.io", 0},
		{"issuer", "ClusterIssuer", theirs, "", "ClusterIssuer.cert-manager.io", 0},
		{"issuer", "ClusterVaultIssuer", "", "", "ClusterVaultIssuer.", 0},
		{"issuer", "VaultIssuer", theirs, "", "VaultIssuer.", 1},
		{"issuer", "Issuer", ours, "", "Issuer.cert-manager.io", 1},
		{"", "", "", "ClusterIssuer", "ClusterIssuer.cert-manager.io", 0},
		{"", "", ours, "ClusterIssuer", "ClusterVaultIssuer.", 0},
	} {
		annotations := map[string]string{}
		for key, value := range map[string]string{c.scope: "name", "issuer-kind": c.kind, "issuer-group": c.group} {
			if key != "" && value != "" {
				annotations[v1alpha1.Prefix+key] = value
			}
		}
		defaults := Defaults{}
		if c.byDefault != "" {
			defaults = Defaults{ManageAll: true, Issuer: &v1alpha1.IssuerReference{Kind: c.byDefault, Group: v1alpha1.GroupOf(c.byDefault), Name: "name"}}
		}
		s, ok := parse(annotations, defaults)
		if got := s.spec.IssuerRef.Kind + "." + s.spec.IssuerRef.Group; !ok || got != c.want || len(s.problems) != c.problems {
			t.Errorf("%+v: %s, ok %v, problems %q", c, got, ok, s.problems)
		}
	}
}
