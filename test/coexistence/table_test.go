// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTable checks that docs/coexistence.md has a cell for each source kind, mode and moment, and that each cell names
// the test that plays it.
func TestTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/coexistence.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for _, mode := range modes {
		for _, kind := range kinds {
			for _, moment := range moments {
				exists["TestCells/"+mode+"/"+kind+"/"+moment.name] = true
			}
		}
	}
	tests := testsOf(t, "*_test.go", "../../controllers/certificate/*_test.go", "../../controllers/certificate/status/*_test.go")
	row := regexp.MustCompile("(?m)^\\| (.+) \\| `(TestCells/[^`]+)` \\|$")
	named := map[string]bool{}
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		cells := strings.Split(match[1], " | ")
		if len(cells) != 4 || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("row of %s: want kind, mode, moment and what is done", match[2])
			continue
		}
		told := "TestCells/" + strings.ReplaceAll(strings.Join([]string{cells[1], cells[0], cells[2]}, "/"), " ", "_")
		switch {
		case told != match[2]:
			t.Errorf("the row of %s names test %s", told, match[2])
		case !exists[told]:
			t.Errorf("there is no test %s", told)
		case named[told]:
			t.Errorf("there are two rows of %s", told)
		}
		named[told] = true
	}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z0-9]+)[^`]*`").FindAllStringSubmatch(string(page), -1) {
		if !tests[name[1]] {
			t.Errorf("there is no test %s, which the page names", name[1])
		}
	}
	tested := 0
	for cell := range exists {
		if !named[cell] {
			t.Errorf("the page has no row of %s", cell)
			continue
		}
		tested++
	}
	fmt.Printf("measure: coexistence_cells total=%d tested=%d\n", len(exists), tested)
}

// testsOf are the test functions in the files of patterns.
func testsOf(t *testing.T, patterns ...string) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(data), -1) {
				tests[name[1]] = true
			}
		}
	}
	return tests
}
