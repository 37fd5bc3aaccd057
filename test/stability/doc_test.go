// SPDX-License-Identifier: Apache-2.0

// Package stability compares everything that users configure, match or alert on with a golden file: API fields,
// annotations, reasons, conditions, metrics, alerts and flags. docs/stability.md says which changes are allowed. After an
// intended change, write the file and review its diff:
//
//	go test ./test/stability -update
package stability

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file")

// root is the checkout.
const root = "../.."

const golden = "testdata/interface.golden.txt"

func TestInterface(t *testing.T) {
	var text strings.Builder
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"Kinds and fields (manifests/crds)", fields(t)},
		{"Annotations, labels, reasons and conditions (api/v1alpha1)", constants(t)},
		{"Metrics (internal/metrics)", metricNames(t)},
		{"Alerts (charts/apisix-certs/files/rules.yaml)", alerts(t)},
		{"Flags (docs/commands.md)", flags(t)},
	} {
		if len(section.lines) == 0 {
			t.Fatalf("%s: nothing found", section.title)
		}
		slices.Sort(section.lines)
		text.WriteString("# " + section.title + "\n\n" + strings.Join(section.lines, "\n") + "\n\n")
	}
	got := strings.TrimSuffix(text.String(), "\n")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Split(string(read(t, "test/stability/"+golden)), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the interface has changed (-golden +now). If docs/stability.md allows the change, add it to CHANGELOG.md and run: "+
			"go test ./test/stability -update\n%s", diff)
	}
}

// read returns the content of a file of the checkout.
func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
