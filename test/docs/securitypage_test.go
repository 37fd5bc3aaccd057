// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// attacks is the folder of tests that the table of threats names without one.
const attacks = "test/attacks"

// suite are the tests of one folder: their functions, and all texts in them, by which sub-tests are called.
type suite struct{ functions, texts map[string]bool }

// suiteOf reads the tests of a folder.
func suiteOf(t *testing.T, folder string) suite {
	t.Helper()
	s := suite{map[string]bool{}, map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && strings.HasPrefix(n.Name.Name, "Test") && n.Name.Name != "TestMain" {
					s.functions[n.Name.Name] = true
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
					s.texts[text] = true
				}
			}
			return true
		})
	}
	return s
}

var quoted = regexp.MustCompile("`([^`]+)`")

// threats are the rows of the table: the threat, and the tests that are named.
func threats(t *testing.T) map[string][]string {
	t.Helper()
	_, section, found := strings.Cut(read(t, securityPage), "\n## Threats\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("the page has no section Threats")
	}
	rows := map[string][]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		switch threat := strings.TrimSpace(cells[0]); {
		case !strings.HasPrefix(line, "|"), threat == "threat", strings.HasPrefix(threat, "---"), strings.HasPrefix(threat, "**"):
		case len(cells) != 4:
			t.Errorf("%q has %d cells", threat, len(cells))
		default:
			rows[threat] = nil
			for _, m := range quoted.FindAllStringSubmatch(cells[3], -1) {
				rows[threat] = append(rows[threat], m[1])
			}
		}
	}
	return rows
}

// TestThreats: each threat of the security page names tests that exist, and each test of test/attacks has a threat.
func TestThreats(t *testing.T) {
	suites := map[string]suite{attacks: suiteOf(t, attacks)}
	named := map[string]bool{}
	for threat, tests := range threats(t) {
		if len(tests) == 0 {
			t.Errorf("no test shows %q", threat)
		}
		for _, name := range tests {
			folder, rest := attacks, name
			if i := strings.Index(name, "/Test"); i >= 0 {
				folder, rest = name[:i], name[i+1:]
			}
			function, sub, _ := strings.Cut(rest, "/")
			if _, read := suites[folder]; !read {
				suites[folder] = suiteOf(t, folder)
			}
			if !suites[folder].functions[function] {
				t.Errorf("%q: there is no %s", threat, path.Join(folder, function))
			}
			if sub != "" && !suites[folder].texts[sub] {
				t.Errorf("%q: %s has no sub-test %q", threat, path.Join(folder, function), sub)
			}
			if folder == attacks {
				named[function] = true
			}
		}
	}
	for _, function := range slices.Sorted(maps.Keys(suites[attacks].functions)) {
		if !named[function] {
			t.Errorf("no row of the page names %s", path.Join(attacks, function))
		}
	}
}
