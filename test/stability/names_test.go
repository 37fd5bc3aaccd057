// SPDX-License-Identifier: Apache-2.0

package stability

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/internal/metrics"
)

// constants returns a line for each string constant of the API package: the kind of constant, its Go name and its value.
func constants(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "api/v1alpha1/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]ast.Expr{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				return true
			}
			for _, spec := range decl.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, name := range spec.Names {
					declared[name.Name] = spec.Values[i]
				}
			}
			return true
		})
	}
	var lines []string
	for name, expr := range declared {
		lines = append(lines, fmt.Sprintf("%s %s %s", kindOf(name), name, evaluate(t, declared, expr)))
	}
	return lines
}

// kindOf returns what a constant is, by its name.
func kindOf(name string) string {
	for _, kind := range []string{"Annotation", "Label", "Reason", "Condition", "Finalizer"} {
		if strings.HasPrefix(name, kind) {
			return strings.ToLower(kind)
		}
	}
	return "constant"
}

// evaluate returns the value of a constant expression of string literals, names of constants and +.
func evaluate(t *testing.T, declared map[string]ast.Expr, expr ast.Expr) string {
	t.Helper()
	switch e := expr.(type) {
	case *ast.BasicLit:
		return constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0))
	case *ast.Ident:
		return evaluate(t, declared, declared[e.Name])
	case *ast.BinaryExpr:
		return evaluate(t, declared, e.X) + evaluate(t, declared, e.Y)
	}
	t.Fatalf("a constant is a %T: extend this test", expr)
	return ""
}

var description = regexp.MustCompile(`fqName: "(apisix_certs_[^"]+)".*variableLabels: \{([^}]*)\}`)

// metricNames returns a line for each metric of the controller, with its labels.
func metricNames(t *testing.T) []string {
	t.Helper()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		metrics.Describe(descriptions)
	}()
	var lines []string
	for d := range descriptions {
		if m := description.FindStringSubmatch(d.String()); m != nil {
			lines = append(lines, m[1]+"{"+m[2]+"}")
		}
	}
	return lines
}

// alerts returns a line for each alert, with its severity.
func alerts(t *testing.T) []string {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert  string            `json:"alert"`
				Labels map[string]string `json:"labels"`
			} `json:"rules"`
		} `json:"groups"`
	}
	if err := yaml.Unmarshal(read(t, "charts/apisix-certs/files/rules.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			lines = append(lines, rule.Alert+" "+rule.Labels["severity"])
		}
	}
	return lines
}

var flagLine = regexp.MustCompile(`^ +(?:-\w, )?--([a-z0-9-]+)(?: (\S+))?  `)

// flags returns a line for each flag of each command. A test of cmd/apisix-certs compares the page with the commands.
func flags(t *testing.T) []string {
	t.Helper()
	var lines []string
	command := ""
	for line := range strings.Lines(string(read(t, "docs/commands.md"))) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			command = strings.TrimSpace(name)
		}
		if m := flagLine.FindStringSubmatch(line); m != nil {
			lines = append(lines, strings.TrimSpace(command+" --"+m[1]+" "+m[2]))
		}
	}
	return lines
}
