// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func tlsSecret(name, namespace any) map[string]any {
	return map[string]any{"tlsSecret": map[string]any{"name": name, "namespace": namespace}}
}

// TestOf reads every object as the cache keeps it, too.
func TestOf(t *testing.T) {
	for _, c := range []struct {
		name string
		spec any
		want Upstream
	}{
		{"none", nil, Upstream{}},
		{"no Secret", map[string]any{"scheme": "https", "ingressClassName": "apisix"}, Upstream{Class: "apisix"}},
		{"one", tlsSecret("s", "other"), Upstream{Secrets: []types.NamespacedName{{Namespace: "other", Name: "s"}}}},
		{"without a namespace", map[string]any{"tlsSecret": map[string]any{"name": "s"}}, Upstream{Secrets: []types.NamespacedName{{Namespace: "ns", Name: "s"}}}},
		{"without a name", tlsSecret("", "ns"), Upstream{}},
		{"of ports", map[string]any{"tlsSecret": tlsSecret("s", "ns")["tlsSecret"], "portLevelSettings": []any{tlsSecret("a", "ns"), tlsSecret("s", "ns"), map[string]any{"port": int64(1)}}},
			Upstream{Secrets: []types.NamespacedName{{Namespace: "ns", Name: "s"}, {Namespace: "ns", Name: "a"}}}},
		{"another shape", map[string]any{"tlsSecret": "s", "ingressClassName": int64(1), "portLevelSettings": []any{"x"}}, Upstream{}},
		{"another shape of the name", tlsSecret(int64(1), "ns"), Upstream{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := New().(*unstructured.Unstructured)
			u.SetNamespace("ns")
			if c.spec != nil {
				u.Object["spec"] = c.spec
			}
			if diff := cmp.Diff(c.want, Read(u)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			trimmed, err := Trim(u)
			if err != nil {
				t.Fatal(err)
			}
			kept := trimmed.(*unstructured.Unstructured)
			if diff := cmp.Diff(c.want, Read(kept.DeepCopy())); diff != "" { // which panics on what JSON does not have
				t.Errorf("as the cache has it (-want +got)\n%s", diff)
			}
			if _, there, _ := unstructured.NestedFieldNoCopy(kept.Object, "spec", "scheme"); there {
				t.Error("what is not read is kept")
			}
		})
	}
}
