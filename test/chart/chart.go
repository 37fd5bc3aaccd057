// SPDX-License-Identifier: Apache-2.0

// Package chart renders the Helm chart of charts/apisix-certs, with Helm as a library, and writes what is generated from it
// and for it:
//
//	r, err := chart.Render(root, chart.Release{Values: map[string]any{"replicaCount": 2}})
//	...
//	for _, object := range r.Objects { ... }
//
// It is a module of its own, so that the product does not depend on Helm.
package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// Name is that of the chart, and of the release and its namespace where nothing else is said.
const Name = "apisix-certs"

// kubeVersion is what the chart is rendered for without a cluster.
const kubeVersion = "v1.37.2"

// Release says what to render.
type Release struct {
	Name, Namespace string         // empty: Name
	Values          map[string]any // nil: the chart's own
	KubeVersion     string         // empty: kubeVersion
}

// Rendered is what Helm makes of a release.
type Rendered struct {
	Text    string // YAML, in the order of installation, hooks last
	Notes   string
	Objects []*unstructured.Unstructured // of Text
}

// Dir is the chart's folder in the checkout at root.
func Dir(root string) string { return filepath.Join(root, "charts", Name) }

// Load reads the chart of the checkout at root.
func Load(root string) (*helmchart.Chart, error) { return loader.Load(Dir(root)) }

// Root finds the checkout around the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(Dir(dir), "Chart.yaml")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			err = errors.New("start in the checkout of apisix-certs")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// Render renders the chart without a cluster, as `helm template` does.
func Render(root string, release Release) (*Rendered, error) {
	c, err := Load(root)
	if err != nil {
		return nil, err
	}
	return renderChart(c, release)
}

func renderChart(c *helmchart.Chart, release Release) (*Rendered, error) {
	var err error
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.DryRun, install.ClientOnly = true, true
	install.ReleaseName, install.Namespace = or(release.Name, Name), or(release.Namespace, Name)
	if install.KubeVersion, err = chartutil.ParseKubeVersion(or(release.KubeVersion, kubeVersion)); err != nil {
		return nil, err
	}
	made, err := install.Run(c, release.Values)
	if err != nil {
		return nil, err
	}
	return rendered(made)
}

func rendered(made *helmrelease.Release) (*Rendered, error) {
	text := strings.TrimSpace(made.Manifest) + "\n"
	sort.Slice(made.Hooks, func(i, j int) bool { return made.Hooks[i].Path < made.Hooks[j].Path })
	for _, hook := range made.Hooks {
		text += fmt.Sprintf("---\n# Source: %s\n%s\n", hook.Path, strings.TrimSpace(hook.Manifest))
	}
	objects, err := Decode(text)
	if err != nil {
		return nil, err
	}
	return &Rendered{Text: text, Notes: made.Info.Notes, Objects: objects}, nil
}

// Decode reads a stream of YAML.
func Decode(text string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

// Find returns the object of a kind and name, nil where there is none.
func (r *Rendered) Find(kind, name string) *unstructured.Unstructured {
	for _, object := range r.Objects {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
