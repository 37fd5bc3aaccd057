// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// TestExamples counts the examples of the packages that other programs may import. go test runs an example only if it has an
// output comment, so one without is an error.
func TestExamples(t *testing.T) {
	n := 0
	for _, name := range []string{"apisix", "certs", "certs/vault", "handshake"} {
		for _, example := range doc.Examples(testFiles(t, filepath.Join("..", "..", name))...) {
			if example.Output == "" && !example.EmptyOutput {
				t.Errorf("%s: Example%s has no output comment, so it is not run", name, example.Name)
			}
			n++
		}
	}
	fmt.Printf("measure: go_examples n=%d\n", n)
}

func testFiles(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
