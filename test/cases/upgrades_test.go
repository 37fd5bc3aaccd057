// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// upgrades are case 23: values of before lack the blocks that a new chart brings, unless its defaults are taken first.
var upgrades = []kase{
	reported("23", "docs/operations.md says how", func(t *testing.T) {
		commands := upgradesIn(t, "docs", "operations.md")
		if len(commands) == 0 {
			t.Error("the page upgrades nothing")
		}
		for _, command := range commands {
			if !strings.Contains(command, " --reset-then-reuse-values ") {
				t.Errorf("%s", command)
			}
		}
	}),
	neighbour("23", "no page reuses values alone", func(t *testing.T) { neverAlone(t, "docs") }),
	neighbour("23", "nor does the chart", func(t *testing.T) { neverAlone(t, "charts/apisix-certs") }),
}

var upgrade = regexp.MustCompile(`(?m)^\$? ?helm upgrade .*$`)

func upgradesIn(t *testing.T, folder, file string) []string {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS("../../"+folder), file)
	if err != nil {
		t.Fatal(err)
	}
	return upgrade.FindAllString(string(text), -1)
}

func neverAlone(t *testing.T, folder string) {
	t.Helper()
	files := 0
	err := fs.WalkDir(os.DirFS("../../"+folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		for _, command := range upgradesIn(t, folder, path) {
			if strings.Contains(command, " --reuse-values") {
				t.Errorf("%s: %s", path, command)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}
