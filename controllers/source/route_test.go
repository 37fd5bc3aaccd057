// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// newRouteOf is the route "r" with a spec in JSON.
func newRouteOf(t *testing.T, spec string, pairs ...string) *unstructured.Unstructured {
	t.Helper()
	route := newRoute()
	var fields any
	if err := json.Unmarshal([]byte(spec), &fields); err != nil {
		t.Fatal(err)
	}
	route.Object["spec"] = fields
	route.SetNamespace("ns")
	route.SetName("r")
	route.SetUID("uid-r")
	route.SetAnnotations(annotated(pairs...))
	return route
}

func TestWantedByRoute(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		pairs      []string
		want       []string
	}{
		{"two rules", `{"http":[{"match":{"hosts":["a.example","B.example"]}},{"match":{"hosts":["a.example"]}}]}`, nil, []string{"r-tls: a.example b.example"}},
		{"its own Secret", `{"http":[{"match":{"hosts":["a.example"]}}]}`, []string{"secret-name", "mine"}, []string{"mine: a.example"}},
		{"bad Secret", `{"http":[{"match":{"hosts":["a.example"]}}]}`, []string{"secret-name", "My"},
			[]string{`annotation apisix-certs.io/secret-name (by default ROUTE-tls): "My" cannot be the name of a Secret: ~`}},
		{"no hosts", `{"http":[{"match":{"paths":["/*"]}}]}`, nil, []string{"spec.http[].match.hosts names no host: name the hosts that Secret r-tls is for"}},
		{"no rules", `{}`, nil, []string{"spec.http[].match.hosts names no host: name the hosts that Secret r-tls is for"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkBrief(t, wantedByRoute(routeOf(newRouteOf(t, c.spec, c.pairs...)), Defaults{}), c.want)
		})
	}
}

// A 2.x cluster, or a user, may write a plugin's config in any shape. What matters here is read all the same, before
// and after the route was trimmed for the cache.
func TestRoutesOfStrangeShapes(t *testing.T) {
	for _, c := range []struct {
		spec  string
		hosts []string
	}{
		{`{"http":[{"match":{"hosts":["a.example"]},"plugins":[{"name":"p","config":["a",{"b":1}]}]}]}`, []string{"a.example"}},
		{`{"http":[{"match":{"hosts":["a.example"]},"plugins":[{"name":"p","config":"text"}]}]}`, []string{"a.example"}},
		{`{"http":[{"match":{"hosts":["a.example"]},"plugins":[{"name":"p","config":null}]}]}`, []string{"a.example"}},
		{`{"http":[{"match":{"hosts":["a.example"]},"plugins":"none","timeout":7}]}`, []string{"a.example"}},
		{`{"http":[null,"x",7,["y"],{"match":{"hosts":["a.example"]}}]}`, []string{"a.example"}},
		{`{"http":[{"match":"x"},{"match":{"hosts":"b.example"}},{"match":{"hosts":[7]}},{"match":{"hosts":["a.example"]}}]}`, []string{"a.example"}},
		{`{"http":"x","ingressClassName":7}`, nil},
		{`"x"`, nil},
		{`null`, nil},
	} {
		route := newRouteOf(t, c.spec)
		hosts := func() []string {
			var all []string
			for _, rule := range routeOf(route).Spec.HTTP {
				all = append(all, rule.Match.Hosts...)
			}
			return all
		}
		if diff := cmp.Diff(c.hosts, hosts()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.spec, diff)
		}
		if _, err := TrimRoute(route); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.hosts, hosts()); diff != "" {
			t.Errorf("%s, trimmed (-want +got):\n%s", c.spec, diff)
		}
		route.DeepCopy() // panics where a value is none that JSON has
	}
}

func TestTrimRouteKeepsLittle(t *testing.T) {
	route := newRouteOf(t, `{"ingressClassName":"c","http":[{"name":"rule","match":{"hosts":["a.example"],"paths":["/"]},"backends":[{}]}],"stream":[{}]}`)
	route.Object["status"] = map[string]any{"conditions": []any{}}
	route.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "m"}})
	if _, err := TrimRoute(route); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"ingressClassName": "c", "http": []any{map[string]any{"match": map[string]any{"hosts": []any{"a.example"}}}}}
	if diff := cmp.Diff(want, route.Object["spec"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if route.Object["status"] != nil || route.GetManagedFields() != nil || route.GetUID() != "uid-r" || len(route.GetAnnotations()) == 0 {
		t.Errorf("%v", route.Object)
	}
}

func TestTrimRouteLeavesOthers(t *testing.T) {
	other := newRouteOf(t, `{"secret":"x"}`)
	other.SetKind("ApisixUpstream")
	before := other.DeepCopy()
	if got, err := TrimRoute(other); err != nil || cmp.Diff(before, got) != "" {
		t.Errorf("%v %v", got, err)
	}
	if got, err := TrimRoute("x"); err != nil || got != "x" {
		t.Errorf("%v %v", got, err)
	}
}

func TestRouteHostKeys(t *testing.T) {
	got := routeHostKeys(newRouteOf(t, `{"http":[{"match":{"hosts":["A.b.example","local"]}}]}`))
	if diff := cmp.Diff([]string{"ns/a.b.example", "ns/*.b.example", "ns/local"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func created(second int64) certEdit {
	return func(c *v1alpha1.ApisixCertificate) { c.CreationTimestamp = metav1.Time{Time: time.Unix(second, 0)} }
}

// controlledBy makes the source of that kind and name the controller.
func controlledBy(kind, name string) certEdit {
	return func(c *v1alpha1.ApisixCertificate) {
		owner := controlling(ref(name))
		owner.Kind = kind
		c.OwnerReferences = append(c.OwnerReferences, owner)
	}
}

func TestYield(t *testing.T) {
	own := func(second int64) v1alpha1.ApisixCertificate {
		return newCert(controlledBy(kindRoute, "r"), created(second), forHosts("a.example", "b.example"))
	}
	other := func(kind string, second int64, hosts ...string) v1alpha1.ApisixCertificate {
		return newCert(named("o"), controlledBy(kind, "x"), created(second), forHosts(hosts...))
	}
	const noteA, noteB = "host a.example is covered by ApisixCertificate o", "host b.example is covered by ApisixCertificate o"
	for _, c := range []struct {
		name  string
		have  certList
		hosts string // "-": no certificate
		notes []string
	}{
		{"alone", nil, "a.example b.example", nil},
		{"its own", certList{own(1)}, "a.example b.example", nil},
		{"one host", certList{other(kindTLS, 1, "a.example")}, "b.example", []string{noteA}},
		{"a wildcard", certList{other(kindTLS, 1, "*.example")}, "-", []string{noteA, noteB}},
		{"by hand", certList{newCert(named("o"))}, "b.example", []string{noteA}},
		{"an ApisixTls that came later", certList{own(1), other(kindTLS, 2, "a.example")}, "b.example", []string{noteA}},
		{"another route's, older", certList{own(2), other(kindRoute, 1, "a.example")}, "b.example", []string{noteA}},
		{"another route's, younger", certList{own(1), other(kindRoute, 2, "a.example")}, "a.example b.example", nil},
		{"another route's, first to have one", certList{other(kindRoute, 1, "a.example")}, "b.example", []string{noteA}},
		{"on its way out", certList{newCert(named("o"), ending)}, "a.example b.example", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			route := newRouteOf(t, `{}`)
			got := yield(wants{certificates: certList{newCert(forHosts("a.example", "b.example"))}}, route, c.have)
			hosts := "-"
			if len(got.certificates) > 0 {
				hosts = strings.Join(got.certificates[0].Spec.DNSNames, " ")
			}
			if diff := cmp.Diff(c.notes, got.notes); diff != "" || hosts != c.hosts {
				t.Errorf("hosts %s, notes (-want +got):\n%s", hosts, diff)
			}
		})
	}
}

func TestYieldKeepsAFaultyOne(t *testing.T) {
	got := yield(wants{certificates: certList{newCert(faulty, forHosts())}}, newRouteOf(t, `{}`), nil)
	if len(got.certificates) != 1 {
		t.Error("the certificate that there is would be deleted for a slip in a host")
	}
}
