// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the checkout.
const root = "../.."

// block is a fenced block of a page.
type block struct {
	language, text string
	line           int
	// notRun says why it is not run here; empty: it is.
	notRun string
}

var (
	fence = regexp.MustCompile("^```(\\w*)$")
	mark  = regexp.MustCompile(`^<!-- not run here: (.+) -->$`)
)

// blocks are those of a page in a language.
func blocks(t *testing.T, page, language string) []block {
	t.Helper()
	var found []block
	var open *block
	notRun := ""
	for i, line := range strings.Split(read(t, page), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case open != nil && line == "```":
			if open.language == language {
				found = append(found, *open)
			}
			open = nil
		case open != nil:
			open.text += line + "\n"
		case m != nil:
			open, notRun = &block{language: m[1], line: i + 1, notRun: notRun}, ""
		case mark.MatchString(line):
			notRun = mark.FindStringSubmatch(line)[1]
		case notRun != "":
			t.Errorf("%s:%d: a mark without a block right below it", page, i)
			notRun = ""
		}
	}
	return found
}

func read(t *testing.T, page string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pages are all of Markdown, without the decisions.
func pages(t *testing.T) []string {
	t.Helper()
	found := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/reference/*.md", "docs/runbooks/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			name, _ = filepath.Rel(root, name)
			found = append(found, name)
		}
	}
	return found
}

// played are the pages whose blocks of sh are run by a test.
var played = []string{"README.md", "docs/quickstart.md", "docs/vault.md", "docs/migration.md", "docs/operations.md"}

// TestMarks finds blocks of sh in pages that no test plays, which must then say so.
func TestMarks(t *testing.T) {
	for _, page := range pages(t) {
		if page == "docs/commands.md" || strings.HasPrefix(page, "docs/runbooks/") || slices.Contains(played, page) {
			continue // the examples of the help are run by testscripts; runbooks are for what is broken
		}
		for _, b := range blocks(t, page, "sh") {
			if b.notRun == "" {
				t.Errorf("%s:%d: nothing runs this block: mark it, or add the page to those that are played", page, b.line)
			}
		}
	}
}

var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code = regexp.MustCompile("`[^`\\n]*`")
)

// TestLinks follows the links between pages, to their headings too.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(page), path)
			if path == "" {
				target = page
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: link to %s: there is no such file", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: link to %s: there is no such heading", page, m[1])
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^\w\- ]`)

// anchors are those of a page's headings, as the usual renderers make them.
func anchors(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			heading = strings.ToLower(strings.TrimSpace(heading))
			found = append(found, strings.ReplaceAll(notInAnchor.ReplaceAllString(heading, ""), " ", "-"))
		}
	}
	return found
}
