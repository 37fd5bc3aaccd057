// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
			[]string{`annotation apisix-certs.io/secret-name (by default ROUTE-tls): "My" is not a valid Secret name: ~`}},
		{"no hosts", `{"http":[{"match":{"paths":["/*"]}}]}`, nil, []string{"spec.http[].match.hosts names no host: add the hosts of the certificate in Secret r-tls"}},
		{"no rules", `{}`, nil, []string{"spec.http[].match.hosts names no host: add the hosts of the certificate in Secret r-tls"}},
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

func issued(c *v1alpha1.ApisixCertificate) {
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionIssued, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonIssued})
}

func issuedCert(c v1alpha1.ApisixCertificate) v1alpha1.ApisixCertificate {
	issued(&c)
	return c
}

func TestYield(t *testing.T) {
	own := func(second int64, edits ...certEdit) v1alpha1.ApisixCertificate {
		return newCert(append(edits, controlledBy(kindRoute, "r"), created(second), forHosts("a.example", "b.example"))...)
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
		{"a wildcard that came later, without a certificate yet", certList{own(1, issued), other(kindTLS, 2, "*.example")}, "a.example b.example", nil},
		{"a wildcard that came later, with one", certList{own(1, issued), issuedCert(other(kindTLS, 2, "*.example"))}, "-", []string{noteA, noteB}},
		{"on its way out", certList{newCert(named("o"), ending)}, "a.example b.example", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := routeMember(t, `{"http":[{"match":{"hosts":["a.example","b.example"]}}]}`)
			m.dropCoveredHosts(groupS, c.have)
			hosts := "-"
			if m.entry.cert != nil {
				hosts = strings.Join(m.entry.cert.Spec.DNSNames, " ")
			}
			if diff := cmp.Diff(c.notes, m.coveredHosts); diff != "" || hosts != c.hosts {
				t.Errorf("hosts %s, notes (-want +got):\n%s", hosts, diff)
			}
		})
	}
}

// routeMember is route "r" as a source of Secret s.
func routeMember(t *testing.T, spec string, pairs ...string) *member {
	r := &reconciler{}
	return memberOf(r, kindOf(kindRoute), newRouteOf(t, spec, append(pairs, "secret-name", "s")...), groupS)
}

func TestYieldKeepsAFaultyOne(t *testing.T) {
	m := routeMember(t, `{"http":[{"match":{"hosts":["a..b"]}}]}`)
	m.dropCoveredHosts(groupS, nil)
	if m.state(true) != faulty {
		t.Error("the certificate that there is would be deleted for a slip in a host")
	}
}

// sharers are the sources of Secret s: route "r", and what else there is.
func sharers(t *testing.T, others ...*member) []*member {
	return append(others, routeMember(t, `{"http":[{"match":{"hosts":["a.example"]}}]}`))
}

func ofRoute(c *v1alpha1.ApisixCertificate) { controlledBy(kindRoute, "r")(c) }

func TestFollowRoutes(t *testing.T) {
	made := func(edits ...tlsEdit) *configv2.ApisixTls {
		cert := newCert(ofRoute)
		tls := tlsForRoutes(sharers(t), &cert)
		for _, edit := range edits {
			edit(tls)
		}
		return tls
	}
	unmanaged := func(tls *configv2.ApisixTls) { tls.OwnerReferences = nil }
	withOther := func(tls *configv2.ApisixTls) {
		other := tls.OwnerReferences[0]
		other.UID, other.Name, tls.OwnerReferences[0].Controller = "uid-gone", "gone", nil
		tls.OwnerReferences = append([]metav1.OwnerReference{other}, tls.OwnerReferences...)
	}
	for _, c := range []struct {
		name   string
		cert   v1alpha1.ApisixCertificate
		others []*member
		there  *configv2.ApisixTls
		hosts  []configv2.HostType // nil: no ApisixTls
	}{
		{"not issued yet", newCert(ofRoute), nil, nil, nil},
		{"another's certificate", newCert(controlled("other"), issued), nil, nil, nil},
		{"a key outside", newCert(ofRoute, issued, func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway }), nil, nil, nil},
		{"issued", newCert(ofRoute, issued), nil, nil, []configv2.HostType{"a.example"}},
		{"as it should be", newCert(ofRoute, issued), nil, made(), []configv2.HostType{"a.example"}},
		{"other hosts", newCert(ofRoute, issued), nil, made(hosts("b.example")), []configv2.HostType{"a.example"}},
		{"somebody else's", newCert(ofRoute, issued), nil, made(hosts("b.example"), unmanaged), []configv2.HostType{"b.example"}},
		{"of a route that is gone too", newCert(ofRoute, issued), nil, made(hosts("b.example"), withOther), []configv2.HostType{"a.example"}},
		{"shared", newCert(controlled("other"), controlledBy(kindRoute, "r"), issued, forHosts("a.example", "b.example")), sources{source("other", 1, hosts("b.example"))}, nil, []configv2.HostType{"a.example"}},
		{"an ApisixTls of the user serves all", newCert(ofRoute, issued), sources{source("other", 1, bare)}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var objects []client.Object
			if c.there != nil {
				objects = append(objects, c.there)
			}
			s := newScene(t, objects...)
			s.must(s.followRoutes(t.Context(), observe(nil, sharers(t, c.others...)...), &c.cert))
			tls := &configv2.ApisixTls{}
			err := s.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "s"}, tls)
			if c.hosts == nil {
				if !apierrors.IsNotFound(err) {
					t.Errorf("made: %v", err)
				}
				return
			}
			if diff := cmp.Diff(c.hosts, tls.Spec.Hosts); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestTLSForRoutes(t *testing.T) {
	cert := newCert(ofRoute, ofClass("apisix"))
	got := tlsForRoutes(sharers(t), &cert)
	owner := cert.OwnerReferences[0]
	want := &configv2.ApisixTls{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s", Labels: map[string]string{v1alpha1.LabelManaged: "true"}, OwnerReferences: []metav1.OwnerReference{owner}},
		Spec:       &configv2.ApisixTlsSpec{IngressClassName: "apisix", Hosts: []configv2.HostType{"a.example"}, Secret: configv2.ApisixSecret{Namespace: "ns", Name: "s"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(wantedByTLS(got, manageAll).entries) > 0 {
		t.Error("it would get a certificate of its own with --manage all")
	}
}

// A route that has opted out, with all its annotations, goes on being served by its ApisixTls.
func TestTLSOfARouteThatOptedOut(t *testing.T) {
	route := newRouteOf(t, `{"http":[{"match":{"hosts":["a.example"]}}]}`)
	route.SetAnnotations(nil)
	cert := newCert(ofRoute, issued, forHosts("a.example", "alt.example"))
	r := &reconciler{}
	tls := tlsForRoutes([]*member{memberOf(r, kindOf(kindRoute), route, groupS)}, &cert)
	if tls == nil || len(tls.Spec.Hosts) != 2 {
		t.Errorf("%+v", tls)
	}
}
