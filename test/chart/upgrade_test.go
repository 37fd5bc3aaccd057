// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	kubefake "helm.sh/helm/v3/pkg/kube/fake"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const reuse, resetThenReuse = "--reuse-values", "--reset-then-reuse-values"

// upgrade renders the chart for a release of an older chart, as helm upgrade does. old are the older chart's values, config
// those that the user gave to it.
func upgrade(t *testing.T, chart *helmchart.Chart, flag string, old, config map[string]any) (*Rendered, error) {
	t.Helper()
	actions := &action.Configuration{
		Releases: storage.Init(driver.NewMemory()), KubeClient: &kubefake.PrintingKubeClient{Out: io.Discard},
		Capabilities: chartutil.DefaultCapabilities.Copy(), Log: func(string, ...any) {},
	}
	version, err := chartutil.ParseKubeVersion(kubeVersion)
	if err != nil {
		t.Fatal(err)
	}
	actions.Capabilities.KubeVersion = *version
	older := &helmchart.Chart{Metadata: &helmchart.Metadata{APIVersion: "v2", Name: Name, Version: "0.0.1"}, Values: old}
	err = actions.Releases.Create(&helmrelease.Release{
		Name: Name, Namespace: Name, Version: 1, Chart: older, Config: config, Info: &helmrelease.Info{Status: helmrelease.StatusDeployed},
	})
	if err != nil {
		t.Fatal(err)
	}
	up := action.NewUpgrade(actions)
	up.Namespace, up.DryRun, up.ReuseValues, up.ResetThenReuseValues = Name, true, flag == reuse, flag == resetThenReuse
	copied := *chart // Run changes its values
	made, err := up.Run(Name, &copied, nil)
	if err != nil {
		return nil, err
	}
	return rendered(made)
}

func load(t *testing.T) *helmchart.Chart {
	t.Helper()
	chart, err := Load(root(t))
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

// frozen are the values of older charts by their files.
func frozen(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("testdata/values-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no values of older charts", err)
	}
	all := map[string]map[string]any{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = values(t, string(data))
	}
	return all
}

// Releases of older charts are upgraded with their values, and are as safe as a new one: rights, admission policies and
// security contexts are those of this chart.
func TestReuseValues(t *testing.T) {
	latest := slices.Max(slices.Collect(maps.Keys(frozen(t))))
	renders := map[bool]string{true: "yes", false: "no"}
	for file := range frozen(t) {
		good := true
		for _, flag := range []string{reuse, resetThenReuse} {
			good = t.Run(file+" "+flag, func(t *testing.T) {
				config := "{apisix: {adminKey: {existingSecret: key}}, metrics: {secure: true}, replicaCount: 2, networkPolicy: {enabled: true}}"
				got, err := upgrade(t, load(t), flag, frozen(t)[file], values(t, config))
				if err != nil {
					t.Fatal(err)
				}
				want := render(t, Release{Values: values(t, config)})
				if diff := cmp.Diff(security(t, want), security(t, got)); diff != "" {
					t.Errorf("(-new release +upgraded):\n%s", diff)
				}
			}) && good
		}
		if file == latest {
			fmt.Printf("measure: chart_values_of_last_release renders=%s\n", renders[good])
		}
	}
}

// security are the objects and fields that say what the controller, its readers and its Pods may do.
func security(t *testing.T, r *Rendered) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, object := range r.Objects {
		key := object.GetKind() + " " + object.GetName()
		switch object.GroupVersionKind().Group {
		case "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "networking.k8s.io", "policy":
			all[key] = object.Object
		case "apps":
			pod, _, _ := unstructured.NestedMap(object.Object, "spec", "template", "spec")
			container := pod["containers"].([]any)[0].(map[string]any)
			all[key] = []any{pod["securityContext"], container["securityContext"], pod["hostNetwork"], pod["automountServiceAccountToken"], container["args"]}
		}
	}
	if len(all) < 8 {
		t.Errorf("only %v were found", slices.Collect(maps.Keys(all)))
	}
	return all
}

// A value that only older charts had is accepted, and the notes say that it has no effect. This chart has none yet.
func TestFormerValues(t *testing.T) {
	chart := load(t)
	for _, file := range chart.Files {
		if file.Name == "files/former.yaml" {
			file.Data = []byte("gone: Use workers.\ngroup.gone: Use log.level.\ngroup.absent: Use log.format.\nlog.gone: Use log.level.")
		}
	}
	old := chartutil.CoalesceTables(values(t, "{gone: 3, group: {gone: true}, log: {gone: x}}"), load(t).Values)
	r, err := upgrade(t, chart, reuse, old, values(t, good))
	if err != nil {
		t.Fatal(err)
	}
	for _, note := range []string{"gone no longer has any effect. Use workers.", "group.gone no longer has any effect.", "log.gone no longer has any effect."} {
		if !strings.Contains(r.Notes, "\nWARNING: "+note) {
			t.Errorf("not in the notes: %s\n%s", note, r.Notes)
		}
	}
	if strings.Contains(r.Notes, "group.absent") {
		t.Error("the notes warn of a value that is not set")
	}
	if _, err := upgrade(t, load(t), reuse, old, values(t, good)); err == nil || !strings.Contains(err.Error(), "\ngroup: unknown value") {
		t.Errorf("without its entry in files/former.yaml: %v", err)
	}
}

// Objects at the top level are parts of the Pod: null removes one, or a field of it, as Helm's users expect.
func TestNullRemovesPartsOfThePod(t *testing.T) {
	for text, want := range map[string]string{
		"podSecurityContext: null": "",
		"podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}": "map[runAsNonRoot:true seccompProfile:map[type:RuntimeDefault]]",
	} {
		deployment := render(t, Release{Values: values(t, good+text)}).Find("Deployment", Name)
		got, found, _ := unstructured.NestedMap(deployment.Object, "spec", "template", "spec", "securityContext")
		if found != (want != "") || found && fmt.Sprint(got) != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// Every value and every group of values may be absent, as in the values of a chart from before it, or null. What then lacks,
// such as the admin key, is named.
func TestAbsentValues(t *testing.T) {
	everything := chartutil.CoalesceTables(sets(t)["full"], sets(t)["issuer"])
	everything["crds"] = map[string]any{"enabled": false} // they take most of the time
	little := values(t, good+"crds: {enabled: false}")
	chart := load(t)
	for _, path := range paths(t) {
		t.Run(path, func(t *testing.T) {
			old := without(chart.Values, path)
			for name, render := range map[string]func() (*Rendered, error){
				"absent":                 func() (*Rendered, error) { return upgrade(t, chart, reuse, old, without(little, path)) },
				"absent, all else is on": func() (*Rendered, error) { return upgrade(t, chart, reuse, old, without(everything, path)) },
				"null, all else is on":   func() (*Rendered, error) { return renderChart(chart, Release{Values: withNull(everything, path)}) },
				"null and not of old":    func() (*Rendered, error) { return upgrade(t, chart, reuse, old, withNull(little, path)) },
				"null in a subchart":     func() (*Rendered, error) { return asSubchart(chart, withNull(little, path)) },
			} {
				if _, err := render(); err != nil && !strings.Contains(err.Error(), problems) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// problems begins the chart's own refusal.
const problems = "invalid values:\n"

// paths are those of all values and groups of values.
func paths(t *testing.T) []string {
	t.Helper()
	all, err := Values(root(t))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, value := range all {
		for path, ok := value.Key, true; ok; path, ok = parent(path) {
			found[path] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func parent(path string) (string, bool) {
	at := strings.LastIndex(path, ".")
	return path[:max(at, 0)], at > 0
}

func without(values map[string]any, path string) map[string]any {
	copied := deepCopy(values)
	unstructured.RemoveNestedField(copied, strings.Split(path, ".")...)
	return copied
}

func withNull(values map[string]any, path string) map[string]any {
	copied := deepCopy(values)
	keys := strings.Split(path, ".")
	group := copied
	for _, key := range keys[:len(keys)-1] {
		if _, ok := group[key].(map[string]any); !ok {
			group[key] = map[string]any{}
		}
		group = group[key].(map[string]any)
	}
	group[keys[len(keys)-1]] = nil
	return copied
}

// deepCopy copies maps alone.
func deepCopy(values map[string]any) map[string]any {
	copied := maps.Clone(values)
	for key, value := range copied {
		if group, ok := value.(map[string]any); ok {
			copied[key] = deepCopy(group)
		}
	}
	return copied
}

// asSubchart renders the chart as a dependency of another, which switches it on with the usual condition.
func asSubchart(chart *helmchart.Chart, config map[string]any) (*Rendered, error) {
	config["enabled"] = true
	parent := &helmchart.Chart{
		Metadata: &helmchart.Metadata{
			APIVersion: "v2", Name: "platform", Version: "1.0.0",
			Dependencies: []*helmchart.Dependency{{Name: Name, Version: "*", Condition: Name + ".enabled"}},
		},
		Values: map[string]any{Name: config},
	}
	copied := *chart // it gets a parent
	parent.AddDependency(&copied)
	return renderChart(parent, Release{})
}
