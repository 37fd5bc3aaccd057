// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kinds are the pages of the kinds.
var kinds = []string{"docs/reference/apisixcertificate.md", "docs/reference/vaultissuer.md", "docs/reference/certificatepolicy.md"}

// constants are those of a file of the API whose names have a prefix: name to value.
func constants(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api/v1alpha1", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if value, ok := spec.Values[i].(*ast.BasicLit); ok && strings.HasPrefix(name.Name, prefix) {
				found[name.Name], _ = strconv.Unquote(value.Value)
			}
		}
		return true
	})
	if len(found) == 0 {
		t.Fatalf("%s has no constants %s...", file, prefix)
	}
	return found
}

// TestReasons wants every reason and condition of the API on a page, with what to do, and none there that does not exist.
func TestReasons(t *testing.T) {
	rows := map[string]string{} // first cell of a row to the rest
	for _, page := range kinds {
		for line := range strings.Lines(read(t, page)) {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			if strings.HasPrefix(line, "|") && len(cells) > 1 {
				for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[0], -1) {
					rows[m[1]] += strings.TrimSpace(cells[len(cells)-1])
				}
			}
		}
	}
	reasons := constants(t, "reasons.go", "Reason")
	known := map[string]bool{}
	for name, reason := range reasons {
		known[reason] = true
		if text, ok := rows[reason]; !ok || text == "" {
			t.Errorf("%s: no page of the kinds tells what to do about reason %q", name, reason)
		}
	}
	for _, condition := range constants(t, "status.go", "Condition") {
		known[condition] = true
		if _, ok := rows[condition]; !ok {
			t.Errorf("no page of the kinds has condition %q", condition)
		}
	}
	for first := range rows {
		if regexp.MustCompile(`^[A-Z][A-Za-z0-9]+$`).MatchString(first) && !known[first] {
			t.Errorf("a page tells of %q, which is neither reason nor condition", first)
		}
	}
}

// TestTroubleshooting checks that the troubleshooting page lists every reason and no unknown one.
func TestTroubleshooting(t *testing.T) {
	const page = "docs/troubleshooting.md"
	listed := map[string]bool{}
	for line := range strings.Lines(read(t, page)) {
		first, _, found := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || !found {
			continue
		}
		for _, m := range regexp.MustCompile("`([A-Z][A-Za-z0-9]+)`").FindAllStringSubmatch(first, -1) {
			listed[m[1]] = true
		}
	}
	for name, reason := range constants(t, "reasons.go", "Reason") {
		if !listed[reason] {
			t.Errorf("%s does not list reason %q (%s)", page, reason, name)
		}
		delete(listed, reason)
	}
	for reason := range listed {
		t.Errorf("%s lists %q, which is not a reason", page, reason)
	}
}
