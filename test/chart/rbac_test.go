// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The controller does all of its work with the rights that the chart gives, and asks for nothing else. With
// APISIX_CERTS_MEASURES=long each right is taken away once: then the log names it, or the chart should not give it.
func TestRights(t *testing.T) {
	w := newWorld(t)
	r := w.play("")
	if r.err != nil {
		t.Errorf("%v\n%s", r.err, strings.Join(r.log.lines("level=ERROR"), "\n"))
	}
	if denied := r.log.lines(" is forbidden: User "); len(denied) > 0 {
		t.Errorf("asked for what it has no right to:\n%s", strings.Join(denied, "\n"))
	}
	metricsOfAlertsExist(t, r.metrics)
	if os.Getenv("APISIX_CERTS_MEASURES") != "long" || t.Failed() {
		return
	}
	all := w.roles.rights()
	needed := 0
	for _, right := range all {
		t.Run(right.String(), func(t *testing.T) {
			if w.needs(t, right) {
				needed++
			}
		})
	}
	fmt.Printf("measure: rbac_rules_needed total=%d needed=%d\n", len(all), needed)
}

// needs tells whether the controller misses a right, in words.
func (w *world) needs(t *testing.T, right right) bool {
	if right.verb == "list" {
		t.Setenv("KUBE_FEATURE_WatchListClient", "false") // as beside API servers that cannot list by a watch
	}
	w.grant(w.roles.without(right))
	defer w.grant(w.roles)
	r := w.play(right.denied())
	if !r.log.saidUntil() {
		t.Errorf("nothing is said of its want: drop it from manifests/rbac, or play a scene that needs it (%v)", r.err)
	}
	return r.log.saidUntil()
}

var metricName = regexp.MustCompile(`[a-z_]{8,}\{`)

// metricsOfAlertsExist: alerts on metrics that nobody serves would never fire.
func metricsOfAlertsExist(t *testing.T, served string) {
	t.Helper()
	rule := render(t, Release{Values: values(t, good+"prometheusRule: {enabled: true}")}).Find("PrometheusRule", Name)
	groups, _, _ := unstructured.NestedSlice(rule.Object, "spec", "groups")
	names := metricName.FindAllString(fmt.Sprint(groups), -1)
	if len(names) < 2 {
		t.Errorf("the alerts have the metrics %v only", names)
	}
	for _, name := range names {
		name = strings.TrimSuffix(name, "{")
		if !strings.Contains(served, "\n"+name+"{") && !strings.Contains(served, "\n"+name+" ") { // with labels of its own, or without
			t.Errorf("no metric %s is served", name)
		}
	}
}

// The command knows every flag that the chart gives it, with every value set: it fails for want of a cluster alone.
func TestFlags(t *testing.T) {
	binary := build(t)
	for name, values := range sets(t) {
		t.Run(name, func(t *testing.T) {
			deployment := render(t, Release{Name: "certs", Namespace: "gateway", Values: values})
			command := exec.Command(binary, append(argsOf(t, deployment), "--kubeconfig=/nonexistent", "--apisix-admin-ca-file=")...)
			output, err := command.CombinedOutput()
			if want := "cannot load a kubeconfig (set --kubeconfig)"; err == nil || !strings.Contains(string(output), want) {
				t.Errorf("got %s\nwant %s", output, want)
			}
		})
	}
}

func argsOf(t *testing.T, r *Rendered) []string {
	t.Helper()
	for _, object := range r.Objects {
		if object.GetKind() == "Deployment" {
			containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
			args, _, err := unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
			if err != nil || len(args) == 0 {
				t.Fatal("no args", err)
			}
			return args
		}
	}
	t.Fatal("no Deployment")
	return nil
}
