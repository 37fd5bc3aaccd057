// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const kindAdmission = "ValidatingAdmissionPolicy"

// TestAdmissionPolicies: each is there unless it is not wanted, or not known to the cluster, and has the release's name.
func TestAdmissionPolicies(t *testing.T) {
	for value, suffix := range map[string]string{"approvalPolicy": "-approval", "statusPolicy": "-status"} {
		t.Run(value, func(t *testing.T) { admissionPolicy(t, value, suffix) })
	}
}

func admissionPolicy(t *testing.T, value, suffix string) {
	for _, row := range []struct {
		name    string
		release Release
		want    bool
	}{
		{"default", Release{Values: PlainValues()}, true},
		{"not wanted", Release{Values: with(PlainValues(), value, map[string]any{"enabled": false})}, false},
		{"Kubernetes 1.30", Release{Values: PlainValues(), KubeVersion: "v1.30.1-gke.1"}, true},
		{"Kubernetes 1.29", Release{Values: PlainValues(), KubeVersion: "v1.29.4"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := render(t, row.release)
			for _, kind := range []string{kindAdmission, kindAdmission + "Binding"} {
				if got := r.Find(kind, Name+suffix) != nil; got != row.want {
					t.Errorf("%s: %v", kind, got)
				}
			}
		})
	}
	r := render(t, Release{Name: "east", Values: PlainValues()})
	binding := r.Find(kindAdmission+"Binding", "apisix-certs-east-apisix-certs"+suffix) // NAMESPACE-RELEASE-CHART
	if binding == nil || r.Find(kindAdmission, binding.GetName()) == nil {
		t.Fatal("not under the release's name")
	}
	if name, _, _ := unstructured.NestedString(binding.Object, "spec", "policyName"); name != binding.GetName() {
		t.Errorf("bound to %q", name)
	}
}

func with(values map[string]any, key string, value any) map[string]any {
	values[key] = value
	return values
}
