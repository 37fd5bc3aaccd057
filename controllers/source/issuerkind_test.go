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
		{"issuer", "AWSPCAIssuer", "awspca.cert-manager.io", "", "AWSPCAIssuer.awspca.cert-manager.io", 0},
		{"cluster-issuer", "Issuer", "freeipa.example", "", "Issuer.freeipa.example", 0},
		{"issuer", "", "awspca.cert-manager.io", "", "VaultIssuer.", 1},
		{"issuer", "not a kind", "awspca.cert-manager.io", "", "VaultIssuer.", 1},
		{"issuer", "AWSPCAIssuer", "no_group.example", "", "VaultIssuer.", 1},
		{"issuer", "AWSPCAIssuer", "", "", "VaultIssuer.", 1},
		{"", "", "", "ClusterIssuer", "ClusterIssuer.cert-manager.io", 0},
		{"", "", "", "Issuer.freeipa.example", "Issuer.freeipa.example", 0},
		{"", "VaultIssuer", "", "Issuer.freeipa.example", "VaultIssuer.", 0},
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
			ref := v1alpha1.ParseIssuer(c.byDefault + "/name")
			defaults = Defaults{ManageAll: true, Issuer: &ref}
		}
		s, ok := parse(annotations, defaults)
		if got := s.spec.IssuerRef.Kind + "." + s.spec.IssuerRef.Group; !ok || got != c.want || len(s.problems) != c.problems {
			t.Errorf("%+v: %s, ok %v, problems %q", c, got, ok, s.problems)
		}
	}
}

// TestManage: which objects the default issuer serves.
func TestManage(t *testing.T) {
	for _, c := range []struct {
		manage, acme, issuer string
		all, byDefault       bool
		want                 string // the issuer; empty: not opted in
		explicit             bool
		problems             int
	}{
		{byDefault: true},
		{acme: "true"},
		{manage: "true", byDefault: true, want: "default", explicit: true},
		{acme: "true", byDefault: true, want: "default", explicit: true},
		{acme: "false", byDefault: true},
		{acme: "true", manage: "false", byDefault: true},
		{manage: "true", problems: 1},
		{manage: "maybe", byDefault: true, problems: 1},
		{manage: "true", issuer: "named", want: "named", explicit: true},
		{manage: "true", issuer: "named", byDefault: true, want: "named", explicit: true},
		{manage: "false", issuer: "named"},
		{all: true, byDefault: true, want: "default"},
		{manage: "false", all: true, byDefault: true},
	} {
		annotations := map[string]string{}
		for key, value := range map[string]string{v1alpha1.AnnotationManage: c.manage, v1alpha1.AnnotationTLSACME: c.acme, v1alpha1.AnnotationIssuer: c.issuer} {
			if value != "" {
				annotations[key] = value
			}
		}
		defaults := Defaults{ManageAll: c.all}
		if c.byDefault {
			defaults.Issuer = &v1alpha1.IssuerReference{Name: "default"}
		}
		s, ok := parse(annotations, defaults)
		if ok != (c.want != "") || s.spec.IssuerRef.Name != c.want || s.explicit != c.explicit || len(s.problems) != c.problems {
			t.Errorf("%+v: issuer %q, explicit %v, problems %q", c, s.spec.IssuerRef.Name, s.explicit, s.problems)
		}
	}
}
