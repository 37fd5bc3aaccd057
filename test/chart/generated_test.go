// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := Generated(root(t))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Plain(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range plain {
		files[path] = text
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root(t), path))
		if err != nil || string(got) != want {
			t.Errorf("%s is not up to date (%v): run make generate", path, err)
		}
	}
}

// The chart has no CRD that manifests/crds has not.
func TestCRDsAreThoseOfManifests(t *testing.T) {
	ours, _ := filepath.Glob(filepath.Join(root(t), "manifests", "crds", "*.yaml"))
	charts, _ := filepath.Glob(filepath.Join(Dir(root(t)), "files", "crds", "*.yaml"))
	if len(ours) == 0 || len(ours) != len(charts) {
		t.Errorf("%d in manifests, %d in the chart: delete what is too much and run make generate", len(ours), len(charts))
	}
}

// kubectl apply -k manifests makes what the chart makes, but for the namespace and for labels.
func TestPlainManifestsAreThoseOfTheChart(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root(t), "manifests"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Decode(string(text))
	if err != nil {
		t.Fatal(err)
	}
	chart := render(t, Release{Values: PlainValues()}).Objects
	if diff := cmp.Diff(byName(chart), byName(plain)); diff != "" {
		t.Errorf("(-chart +manifests):\n%s", diff)
	}
}

func byName(objects []*unstructured.Unstructured) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, object := range objects {
		if object.GetKind() == "Namespace" {
			continue
		}
		WithoutHelm(object)
		object.SetLabels(nil)
		if len(object.GetAnnotations()) == 0 {
			object.SetAnnotations(nil)
		}
		all[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = object.Object
	}
	return all
}
