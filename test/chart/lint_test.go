// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files")

// root is the checkout.
func root(t *testing.T) string {
	t.Helper()
	dir, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sets are the value sets of the chart's ci/ by their names.
func sets(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Dir(root(t)), "ci", "*-values.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no value sets in ci/", err)
	}
	all := map[string]map[string]any{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = values(t, string(data))
	}
	return all
}

func values(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func render(t *testing.T, release Release) *Rendered {
	t.Helper()
	r, err := Render(root(t), release)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLint(t *testing.T) {
	all := sets(t)
	all["none"] = nil
	for name, values := range all {
		t.Run(name, func(t *testing.T) {
			for _, m := range lint.AllWithKubeVersion(Dir(root(t)), values, Name, nil).Messages {
				// An icon is nothing that an operator misses.
				if m.Severity > support.InfoSev || !strings.Contains(m.Error(), "icon is recommended") {
					t.Error(m)
				}
			}
		})
	}
}

// Every value set renders as its golden file says: make a change with -update, and read the diff.
func TestGolden(t *testing.T) {
	for name, values := range sets(t) {
		t.Run(name, func(t *testing.T) {
			r := render(t, Release{Name: "certs", Namespace: "gateway", Values: values})
			compare(t, filepath.Join("testdata", name+".yaml"), withoutSchemas(t, r)+"---\n# NOTES\n"+comment(r.Notes))
		})
	}
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it:\n%s", file, diff)
	}
}

// withoutSchemas leaves the schemas of CRDs and the dashboard out, which have tests of their own.
func withoutSchemas(t *testing.T, r *Rendered) string {
	t.Helper()
	var b strings.Builder
	for _, document := range strings.Split(strings.TrimPrefix(r.Text, "---\n"), "\n---\n") {
		if strings.Contains(document, "kind: CustomResourceDefinition") || strings.Contains(document, "/dashboard.yaml") {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
				t.Fatal(err)
			}
			delete(object.Object, "spec")
			delete(object.Object, "data")
			text, err := yaml.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			document = string(text)
		}
		b.WriteString("---\n" + strings.TrimSpace(document) + "\n")
	}
	return b.String()
}

func comment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	return b.String()
}
