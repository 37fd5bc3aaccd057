// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// text is one line that people read.
type text struct {
	line int
	text string
}

// reader gives what reads a file; nil: it is not read.
func reader(name string) func(name string, data []byte) ([]text, error) {
	base := path.Base(name)
	switch path.Ext(name) {
	case ".go":
		if strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, "zz_generated") || strings.HasPrefix(name, "test/") || strings.Contains(name, "testdata/") {
			return nil
		}
		return goTexts
	case ".md":
		if name == "docs/reference/api.md" { // made of Go comments
			return nil
		}
		return markdownTexts
	case ".yaml", ".yml":
		if strings.Contains(name, "crds/") || strings.Contains(name, "testdata/") || strings.HasPrefix(name, "test/") {
			return nil
		}
		return yamlTexts
	}
	return nil
}

// goTexts are the comments, and the literals that are more than one word.
func goTexts(name string, data []byte) ([]text, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, data, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	var found []text
	add := func(at token.Pos, s string) {
		for i, line := range strings.Split(s, "\n") {
			found = append(found, text{set.Position(at).Line + i, line})
		}
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if !strings.HasPrefix(comment.Text, "//\t") { // code
				add(comment.Pos(), comment.Text)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if s, err := strconv.Unquote(literal.Value); err == nil && strings.Contains(s, " ") {
				add(literal.Pos(), s)
			}
		}
		return true
	})
	return found, nil
}

var code = regexp.MustCompile("`[^`]*`" + `|\]\([^)]*\)`)

// markdownTexts are the lines without code and addresses.
func markdownTexts(_ string, data []byte) ([]text, error) {
	var found []text
	fenced := false
	for i, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			found = append(found, text{i + 1, code.ReplaceAllString(line, "``")})
		}
	}
	return found, nil
}

// yamlTexts are comments, descriptions and whatever else is more than a few words.
func yamlTexts(_ string, data []byte) ([]text, error) {
	var found []text
	for i, line := range strings.Split(string(data), "\n") {
		_, comment, ok := strings.Cut(line, "# ")
		if ok {
			line = comment
		} else if len(strings.Fields(line)) < 5 || strings.Contains(line, "{{") {
			continue
		}
		found = append(found, text{i + 1, code.ReplaceAllString(line, "``")})
	}
	return found, nil
}

//go:embed words.txt
var list string

type rule struct {
	pattern *regexp.Regexp
	instead string
}

var rules = func() (all []rule) {
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			pattern, instead, _ := strings.Cut(line, "\t")
			all = append(all, rule{regexp.MustCompile(`(?i)(?:^|[^-\w.])(` + pattern + `)(?:[^-\w]|$)`), instead})
		}
	}
	return all
}()

type finding struct{ word, instead string }

// match finds the words of the list in a text.
func match(text string) (found []finding) {
	for _, r := range rules {
		for _, m := range r.pattern.FindAllStringSubmatch(text, -1) {
			found = append(found, finding{m[1], r.instead})
		}
	}
	return found
}
