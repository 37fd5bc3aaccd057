// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

func object(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{}}
	data, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil { // with whole numbers, as from the API server
		t.Fatal(err)
	}
	u.Object["spec"] = fields
	u.SetNamespace("shop")
	u.SetName("gw")
	return u
}

func secret(namespace, name string) Ref {
	return Ref{Kind: "Secret", Secret: types.NamespacedName{Namespace: namespace, Name: name}}
}

func TestListeners(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		want       []Listener
	}{
		{"HTTPS", "listeners: [{name: a, port: 443, protocol: HTTPS, hostname: A.example, tls: {certificateRefs: [{name: s}]}}]",
			[]Listener{{Name: "a", Hostname: "a.example", Terminates: true, Refs: []Ref{secret("shop", "s")}}}},
		{"TLS, Terminate, another namespace", "listeners: [{name: a, port: 443, protocol: TLS, tls: {mode: Terminate, certificateRefs: [{name: s, namespace: keys, kind: Secret, group: ''}]}}]",
			[]Listener{{Name: "a", Terminates: true, Refs: []Ref{secret("keys", "s")}}}},
		{"Passthrough", "listeners: [{name: a, port: 443, protocol: TLS, tls: {mode: Passthrough}}]", []Listener{{Name: "a", Passthrough: true}}},
		{"HTTP", "listeners: [{name: a, port: 80, protocol: HTTP, hostname: a.example}]", []Listener{{Name: "a", Hostname: "a.example"}}},
		{"another kind", "listeners: [{name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s, kind: ConfigMap}]}}]",
			[]Listener{{Name: "a", Terminates: true, Refs: []Ref{{Kind: "ConfigMap", Secret: types.NamespacedName{Namespace: "shop", Name: "s"}}}}}},
		{"one of an unknown shape beside another", "listeners: [{name: a, port: x}, 7, {name: b, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s}]}}]",
			[]Listener{{Name: "a", Unreadable: true}, {Name: "1", Unreadable: true}, {Name: "b", Terminates: true, Refs: []Ref{secret("shop", "s")}}}},
		{"client certificates before 1.4", "listeners: [{name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: s}], frontendValidation: {caCertificateRefs: [{name: ca}]}}}]",
			[]Listener{{Name: "a", Terminates: true, Refs: []Ref{secret("shop", "s")}, RequiresClientCert: true}}},
		{"client certificates by default, not on one port", `
tls: {frontend: {default: {validation: {caCertificateRefs: []}}, perPort: [{port: 8443, tls: {}}]}}
listeners: [{name: a, port: 443, protocol: HTTPS, tls: {}}, {name: b, port: 8443, protocol: HTTPS, tls: {}}]`,
			[]Listener{{Name: "a", Terminates: true, RequiresClientCert: true}, {Name: "b", Terminates: true}}},
		{"client certificates on one port", `
tls: {frontend: {default: {}, perPort: [{port: 8443, tls: {validation: {}}}]}}
listeners: [{name: a, port: 443, protocol: HTTPS, tls: {}}, {name: b, port: 8443, protocol: HTTPS, tls: {}}]`,
			[]Listener{{Name: "a", Terminates: true}, {Name: "b", Terminates: true, RequiresClientCert: true}}},
		{"nothing", "{}", []Listener{}},
		{"of an unknown shape", "listeners: all", []Listener{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, GatewayOf(object(t, c.spec)).Listeners); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllows(t *testing.T) {
	for _, c := range []struct {
		name, spec           string
		home, other, labeled bool
	}{
		{"unset", "{}", false, false, false},
		{"none", "allowedListeners: {namespaces: {from: None}}", false, false, false},
		{"same", "allowedListeners: {namespaces: {from: Same}}", true, false, false},
		{"all", "allowedListeners: {namespaces: {from: All}}", true, true, true},
		{"selector", "allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}}", false, false, true},
		{"selector that selects all", "allowedListeners: {namespaces: {from: Selector, selector: {}}}", true, true, true},
		{"selector that is missing", "allowedListeners: {namespaces: {from: Selector}}", false, false, false},
		{"selector that is wrong", "allowedListeners: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Near}]}}}", false, false, false},
		{"of an unknown shape", "allowedListeners: {namespaces: {from: [All]}}", false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := GatewayOf(object(t, c.spec))
			if got := g.Allows("shop", "shop", nil); got != c.home {
				t.Errorf("its own namespace: got %v, want %v", got, c.home)
			}
			if got := g.Allows("shop", "other", nil); got != c.other {
				t.Errorf("another: got %v, want %v", got, c.other)
			}
			if got := g.Allows("shop", "other", map[string]string{"team": "a"}); got != c.labeled {
				t.Errorf("one with labels: got %v, want %v", got, c.labeled)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	g := GatewayOf(object(t, "gatewayClassName: apisix\ninfrastructure: {parametersRef: {group: g, kind: K, name: proxy}}"))
	if diff := cmp.Diff(&Parameters{Group: "g", Kind: "K", Namespace: "shop", Name: "proxy"}, g.Parameters); diff != "" || g.Class != "apisix" {
		t.Errorf("class %q, (-want +got):\n%s", g.Class, diff)
	}
	c := ClassOf(object(t, "controllerName: example.com/c\nparametersRef: {group: g, kind: K, name: proxy, namespace: x}"))
	if diff := cmp.Diff(Class{Name: "gw", Controller: "example.com/c", Parameters: &Parameters{"g", "K", "x", "proxy"}}, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestListenerSet(t *testing.T) {
	parent := GatewayOf(object(t, "tls: {frontend: {default: {validation: {}}}}"))
	set := ListenerSetOf(object(t, "parentRef: {name: gw, namespace: infra}\nlisteners: [{name: a, port: 443, protocol: HTTPS, tls: {}}]"), &parent)
	if want := (types.NamespacedName{Namespace: "infra", Name: "gw"}); set.Parent != want || len(set.Listeners) != 1 || !set.Listeners[0].RequiresClientCert {
		t.Errorf("%+v", set)
	}
	if set := ListenerSetOf(object(t, "parentRef: {name: gw}"), nil); set.Parent.Namespace != "shop" {
		t.Errorf("%+v", set)
	}
}
