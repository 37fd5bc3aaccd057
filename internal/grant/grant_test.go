// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func TestAllows(t *testing.T) {
	const good = "from: [{group: apisix.apache.org, kind: ApisixTls, namespace: shop}]\nto: [{group: '', kind: Secret}]"
	for _, c := range []struct {
		name, spec string
		want       bool
	}{
		{"all Secrets", good, true},
		{"this Secret", "from: [{group: apisix.apache.org, kind: ApisixTls, namespace: shop}]\nto: [{group: '', kind: Secret, name: tls}]", true},
		{"the second of each", "from: [{group: '', kind: Pod, namespace: shop}, {group: apisix.apache.org, kind: ApisixTls, namespace: shop}]\nto: [{group: '', kind: ConfigMap}, {group: '', kind: Secret}]", true},
		{"another Secret", "from: [{group: apisix.apache.org, kind: ApisixTls, namespace: shop}]\nto: [{group: '', kind: Secret, name: other}]", false},
		{"another namespace", "from: [{group: apisix.apache.org, kind: ApisixTls, namespace: other}]\nto: [{group: '', kind: Secret}]", false},
		{"another kind", "from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: shop}]\nto: [{group: '', kind: Secret}]", false},
		{"to another kind", "from: [{group: apisix.apache.org, kind: ApisixTls, namespace: shop}]\nto: [{group: '', kind: Service}]", false},
		{"no group", "from: [{group: apisix.apache.org, kind: ApisixTls, namespace: shop}]\nto: [{kind: Secret}]", false},
		{"of an unknown shape", "from: [all]\nto: {}", false},
		{"nothing", "{}", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var spec map[string]any
			if err := yaml.Unmarshal([]byte(c.spec), &spec); err != nil {
				t.Fatal(err)
			}
			grant := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
			if got := allows(grant, "ApisixTls", "shop", "tls"); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestKindsAreGrantedEachByItself: what one kind may, another may not.
func TestKindsAreGrantedEachByItself(t *testing.T) {
	kinds := []string{"ApisixTls", "Gateway", "ListenerSet", "Ingress"}
	for _, granted := range kinds[:3] {
		grant := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
			"from": []any{map[string]any{"group": GroupOf(granted), "kind": granted, "namespace": "shop"}},
			"to":   []any{map[string]any{"group": "", "kind": "Secret"}},
		}}}
		for _, kind := range kinds {
			if got := allows(grant, kind, "shop", "tls"); got != (kind == granted) {
				t.Errorf("a grant for %s: %s may: %v", granted, kind, got)
			}
		}
	}
}

func TestNothingIsGrantedWithoutTheKind(t *testing.T) {
	g := &Grants{} // a reader would be asked in vain, and there is none
	if ok, err := g.Allow(t.Context(), "ApisixTls", "shop", "keys", "tls"); ok || err != nil || g.New() != nil {
		t.Errorf("%v %v", ok, err)
	}
	g.Found(schema.GroupVersionKind{Group: Kind.Group, Version: "v1", Kind: Kind.Kind})
	if g.New().GetAPIVersion() != "gateway.networking.k8s.io/v1" {
		t.Error("another version than the one that was found")
	}
}
