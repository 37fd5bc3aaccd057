// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the table of rights into docs/security.md")

const (
	securityPage = "docs/security.md"
	rbacBegin    = "<!-- rbac: written by go test ./test/docs -run RBAC -update -->\n"
	rbacEnd      = "<!-- /rbac -->\n"
)

// TestRBAC holds the table of the security page to the rules of the chart.
func TestRBAC(t *testing.T) {
	page := read(t, securityPage)
	head, rest, found := strings.Cut(page, rbacBegin)
	table, tail, ended := strings.Cut(rest, rbacEnd)
	if !found || !ended {
		t.Fatal("the page has no place for the table")
	}
	want := "| group | resources | verbs | why |\n|---|---|---|---|\n" +
		rights(t, "clusterrole.yaml", "") + rights(t, "namespacerole.yaml", "") + rights(t, "role.yaml", " (in its own namespace)")
	if *update {
		if err := os.WriteFile(filepath.Join(root, securityPage), []byte(head+rbacBegin+want+rbacEnd+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table, want); diff != "" {
		t.Errorf("the table is not up to date: cd test/docs && go test . -run RBAC -update\n%s", diff)
	}
}

// rights are the rows of a file of rules, each with the comment above it.
func rights(t *testing.T, file, where string) string {
	t.Helper()
	text := read(t, "charts/apisix-certs/files/"+file)
	var rules []rbacv1.PolicyRule
	if err := yaml.Unmarshal([]byte(text), &rules); err != nil {
		t.Fatal(err)
	}
	var comments []string
	comment := ""
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "#"):
			comment = strings.TrimSpace(comment + " " + strings.TrimSpace(strings.TrimPrefix(line, "#")))
		case strings.HasPrefix(line, "- "):
			comments, comment = append(comments, comment), ""
		}
	}
	var b strings.Builder
	for i, rule := range rules {
		resources := strings.Join(rule.Resources, ", ")
		if len(rule.ResourceNames) > 0 {
			resources += " " + strings.Join(rule.ResourceNames, ", ")
		}
		if len(rule.NonResourceURLs) > 0 {
			resources += strings.Join(rule.NonResourceURLs, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s%s | %s | %s |\n", strings.Join(rule.APIGroups, ", "), resources, where, strings.Join(rule.Verbs, ", "), comments[i])
	}
	return b.String()
}
