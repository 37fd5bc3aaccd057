// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// gatewayObject is a Gateway gw of namespace ns, or a ListenerSet ls, annotated, with that spec.
func gatewayObject(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{"spec": fields}}
	u.SetGroupVersionKind(gatewayapi.GatewayKind.GroupVersion().WithKind(kind))
	u.SetNamespace("ns")
	u.SetAnnotations(annotated())
	return at(u, map[string]string{kindGateway: "gw", kindListenerSet: "ls"}[kind], 1)
}

func https(name, hostname, refs string) string {
	if hostname != "" {
		hostname = "hostname: " + hostname + ", "
	}
	return "{name: " + name + ", port: 443, protocol: HTTPS, " + hostname + "tls: {certificateRefs: [" + refs + "]}}"
}

func gwSpec(listeners ...string) string {
	return "gatewayClassName: apisix\nlisteners: [" + strings.Join(listeners, ", ") + "]"
}

func TestWantedByGateway(t *testing.T) {
	const passthrough = "{name: p, port: 443, protocol: TLS, hostname: p.example, tls: {mode: Passthrough%}}"
	for _, c := range []struct {
		name, spec string
		want       []string
	}{
		{"a listener", gwSpec(https("a", "A.example", "{name: s}")), []string{"s: a.example"}},
		{"a wildcard", gwSpec(https("a", "'*.example.com'", "{name: s}")), []string{"s: *.example.com"}},
		{"listeners of one Secret", gwSpec(https("a", "a.example", "{name: s}"), https("b", "b.example", "{name: s}")), []string{"s: a.example b.example"}},
		{"listeners of two", gwSpec(https("a", "a.example", "{name: s}"), https("b", "b.example", "{name: r}")), []string{"s: a.example", "r: b.example"}},
		{"two Secrets of one listener", gwSpec(https("a", "a.example", "{name: s}, {name: r}")), []string{"s: a.example", "spec.listeners[a].tls.certificateRefs[1] is a second Secret for a.example, whose certificate is in Secret s: ~"}},
		{"one Secret twice in a listener", gwSpec(https("a", "a.example", "{name: s}, {name: s}")), []string{"s: a.example"}},
		{"two listeners with one hostname and one Secret", gwSpec(https("a", "a.example", "{name: s}"), https("b", "a.example", "{name: s}")), []string{"s: a.example"}},
		{"two listeners with one hostname and two Secrets", gwSpec(https("a", "a.example", "{name: s}"), https("b", "A.example", "{name: r}")),
			[]string{"s: a.example", "spec.listeners[b].hostname a.example is also used by listener a, which refers to another Secret: ~"}},
		{"the same, and another host", gwSpec(https("a", "a.example", "{name: s}"), https("b", "a.example", "{name: r}"), https("c", "c.example", "{name: r}")),
			[]string{"s: a.example", "r: c.example ! spec.listeners[b].hostname a.example is also used by listener a, ~"}},
		{"another namespace", gwSpec(https("a", "a.example", "{name: s, namespace: keys}")), []string{"keys/s: a.example"}},
		{"no hostname", gwSpec(https("a", "", "{name: s}")), []string{"spec.listeners[].hostname names no host: add the hosts of the certificate in Secret s"}},
		{"no hostname beside one", gwSpec(https("a", "a.example", "{name: s}"), https("b", "", "{name: s}")), []string{"s: a.example"}},
		{"another kind", gwSpec(https("a", "a.example", "{name: s, kind: ConfigMap}")), []string{"spec.listeners[a].tls.certificateRefs[0] is of kind ConfigMap: refer to a Secret"}},
		{"another kind of a group, beside a Secret", gwSpec(https("a", "a.example", "{name: s}, {name: r, kind: K, group: x.io}")),
			[]string{"s: a.example", "spec.listeners[a].tls.certificateRefs[1] is of kind K.x.io: refer to a Secret"}},
		{"Passthrough", gwSpec(strings.ReplaceAll(passthrough, "%", "")),
			[]string{"spec.listeners: no listener of protocol HTTPS or TLS with mode Terminate refers to a Secret: add tls.certificateRefs"}},
		{"Passthrough beside another", gwSpec(strings.ReplaceAll(passthrough, "%", ""), https("a", "a.example", "{name: s}")), []string{"s: a.example"}},
		{"Passthrough with a Secret", gwSpec(strings.ReplaceAll(passthrough, "%", ", certificateRefs: [{name: s}]")),
			[]string{"spec.listeners[p].tls.mode is Passthrough, so that its certificateRefs have no effect: set Terminate, or remove them"}},
		{"TLS and HTTP", gwSpec("{name: t, port: 8443, protocol: TLS, hostname: t.example, tls: {mode: Terminate, certificateRefs: [{name: s}]}}",
			"{name: h, port: 80, protocol: HTTP, hostname: h.example}"), []string{"s: t.example"}},
		{"frontendValidation", gwSpec("{name: a, port: 443, protocol: HTTPS, hostname: a.example, tls: {certificateRefs: [{name: s}], frontendValidation: {caCertificateRefs: [{name: ca}]}}}"),
			[]string{"s: a.example"}},
		{"a listener of an unknown shape", gwSpec("{name: x, port: many}", https("a", "a.example", "{name: s}")),
			[]string{"s: a.example", "spec.listeners[x] is not a valid listener: correct it"}},
		{"a hostname that is none", gwSpec(https("a", "a..b", "{name: s}")), []string{`s:  ! spec.listeners[].hostname "a..b" has an empty label: ~`}},
		{"a Secret with a bad name", gwSpec(https("a", "a.example", "{name: My_Secret}")), []string{`spec.listeners[].tls.certificateRefs[].name "My_Secret" is not a valid Secret name: ~`}},
		{"nothing", "{}", []string{"spec.listeners: no listener of protocol HTTPS or TLS with mode Terminate refers to a Secret: add tls.certificateRefs"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			gw := gatewayObject(t, kindGateway, c.spec)
			w := wantedByGateway(gw, Defaults{})
			checkBrief(t, w, c.want)
			for _, cert := range w.certificates() {
				if diff := cmp.Diff(&v1alpha1.GatewayReference{Name: "gw"}, cert.Spec.GatewayRef); diff != "" || cert.Spec.IngressClassName != "" {
					t.Errorf("class %q, (-want +got):\n%s", cert.Spec.IngressClassName, diff)
				}
			}
			gw.SetAnnotations(nil)
			checkBrief(t, wantedByGateway(gw, Defaults{}), nil)
		})
	}
}

func TestGatewayWithoutHostnameAndAltNames(t *testing.T) {
	gw := gatewayObject(t, kindGateway, gwSpec(https("a", "", "{name: s}")))
	gw.SetAnnotations(annotated("alt-names", "a.example,b.example"))
	checkBrief(t, wantedByGateway(gw, Defaults{}), []string{"s: a.example b.example"})
}

func TestGatewayOfAnotherClass(t *testing.T) {
	gw := gatewayObject(t, kindGateway, gwSpec(https("a", "a.example", "{name: s}")))
	checkBrief(t, wantedByGateway(gw, Defaults{IngressClass: "apisix"}), []string{"s: a.example"})
	w := wantedByGateway(gw, Defaults{IngressClass: "other"})
	if checkBrief(t, w, nil); !w.excluded {
		t.Error("it is not left to others")
	}
}

func TestWantedByListenerSet(t *testing.T) {
	const parent = "parentRef: {name: gw, namespace: infra}\n"
	gw := gatewayapi.GatewayOf(gatewayObject(t, kindGateway, "gatewayClassName: apisix"))
	for _, c := range []struct {
		name   string
		spec   string
		around surroundings
		want   []string
	}{
		{"allowed", parent + gwSpec(https("a", "a.example", "{name: s}")), surroundings{&gw, true}, []string{"s: a.example"}},
		{"not allowed", parent + gwSpec(https("a", "a.example", "{name: s}")), surroundings{&gw, false},
			[]string{"spec.parentRef: Gateway infra/gw does not allow ListenerSets of namespace ns: allow them in its spec.allowedListeners, or name another Gateway"}},
		{"no such Gateway", parent + gwSpec(https("a", "a.example", "{name: s}")), surroundings{}, []string{"spec.parentRef: Gateway infra/gw does not exist: create it, or name another"}},
		{"no parent", gwSpec(https("a", "a.example", "{name: s}")), surroundings{}, []string{"spec.parentRef does not name a Gateway: set the Gateway of these listeners"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := gatewayObject(t, kindListenerSet, c.spec)
			w := wantedByListenerSet(set, c.around, Defaults{})
			checkBrief(t, w, c.want)
			for _, cert := range w.certificates() {
				if diff := cmp.Diff(&v1alpha1.GatewayReference{Name: "gw", Namespace: "infra"}, cert.Spec.GatewayRef); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			set.SetAnnotations(nil)
			checkBrief(t, wantedByListenerSet(set, c.around, Defaults{}), nil)
			if w := wantedByListenerSet(set, surroundings{&gw, true}, Defaults{IngressClass: "other"}); !w.excluded {
				t.Error("one whose Gateway is of another class is not left to others")
			}
		})
	}
}

// TestListenerSetFollowsItsGateway: what the Gateway allows decides, and what was there before is neither deleted nor issued
// again when that ends.
func TestListenerSetFollowsItsGateway(t *testing.T) {
	allowing := "gatewayClassName: apisix\nlisteners: []\nallowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}}"
	gw := gatewayObject(t, kindGateway, allowing)
	gw.SetAnnotations(nil)
	namespace := &corev1.Namespace{}
	namespace.Name = "ns"
	set := gatewayObject(t, kindListenerSet, "parentRef: {name: gw}\n"+gwSpec(https("a", "a.example", "{name: s}")))
	s := newScene(t, gw, set, namespace)
	s.expect()
	s.said("Warning InvalidSource spec.parentRef: Gateway ns/gw does not allow ListenerSets of namespace ns: ~")
	update(s, namespace, func(n *corev1.Namespace) { n.Labels = map[string]string{"team": "a"} })
	s.expect("create s")
	s.drain()
	update(s, namespace, func(n *corev1.Namespace) { n.Labels = nil })
	s.expect("patch s")
	if said := s.drain(); !strings.Contains(said, "does not allow ListenerSets") {
		t.Error(said)
	}
	cert := &v1alpha1.ApisixCertificate{}
	s.must(s.Get(s.Context(), types.NamespacedName{Namespace: "ns", Name: "s"}, cert))
	if problem := cert.Annotations[v1alpha1.AnnotationSourceProblem]; !strings.Contains(problem, "does not allow ListenerSets") {
		t.Errorf("the certificate does not say why it is kept: %q", problem)
	}
	if diff := cmp.Diff([]string{"a.example"}, cert.Spec.DNSNames); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestClassNotAccepted: a Gateway that nothing serves has its certificate, and a warning once its class is not new any more.
func TestClassNotAccepted(t *testing.T) {
	class := gatewayapi.NewClass()
	class.SetName("apisix")
	class.Object["spec"] = map[string]any{"controllerName": "apisix.apache.org/apisix-ingress-controller"}
	class.SetCreationTimestamp(metav1.Unix(1, 0))
	gw := gatewayObject(t, kindGateway, gwSpec(https("a", "a.example", "{name: s}")))
	s := newScene(t, gw, class)
	s.expect("create s")
	s.said("Normal CertificateCreated ~")
	check := func() time.Duration {
		t.Helper()
		result, err := s.Reconcile(t.Context(), sourceRequest(kindGateway, client.ObjectKeyFromObject(gw)))
		s.must(err)
		return result.RequeueAfter
	}
	if wait := check(); wait != acceptTimeout {
		t.Errorf("checked again in %s", wait)
	}
	s.clock.SetTime(s.clock.Now().Add(acceptTimeout))
	if wait := check(); wait != 0 {
		t.Errorf("checked again in %s", wait)
	}
	s.said("Warning ClassNotAccepted spec.gatewayClassName: no controller has accepted GatewayClass apisix (spec.controllerName apisix.apache.org/apisix-ingress-controller)~")
	update(s, class, func(u *unstructured.Unstructured) {
		u.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Accepted", "status": "True"}}}
	})
	check()
	s.said()
}

// FuzzGateway: whatever a Gateway says, there is either a certificate that nothing is wrong with or a problem.
func FuzzGateway(f *testing.F) {
	for _, seed := range [][4]string{
		{"HTTPS", "a.example", "Secret", "s"}, {"TLS", "*.example", "ConfigMap", "s"}, {"HTTP", "", "", ""}, {"HTTPS", "a..b", "Secret", "My_Secret"},
		{"TLS", "a.example.", "Secret", "UPPER"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, protocol, hostname, kind, name string) {
		if !utf8.ValidString(protocol + hostname + kind + name) {
			t.Skip("the API server gives UTF-8 only")
		}
		listener := map[string]any{"name": "a", "port": int64(443), "protocol": protocol, "hostname": hostname,
			"tls": map[string]any{"certificateRefs": []any{map[string]any{"name": name, "kind": kind}}}}
		gw := gatewayObject(t, kindGateway, "{}")
		gw.Object["spec"] = map[string]any{"gatewayClassName": "apisix", "listeners": []any{listener, listener}}
		w := wantedByGateway(gw, Defaults{})
		if len(w.certificates())+len(w.faults()) == 0 {
			t.Error("neither a certificate nor a problem")
		}
		for _, text := range w.problems {
			if !utf8.ValidString(text) {
				t.Errorf("problem is no UTF-8: %q", text)
			}
		}
		for _, cert := range w.certificates() {
			problem := cert.Annotations[v1alpha1.AnnotationSourceProblem]
			if bad := certspec.Problems(&cert); len(cert.Spec.DNSNames) > 0 && len(bad) > 0 || len(problem) > 1024 {
				t.Errorf("sent with problem %q: %v", problem, bad)
			}
		}
	})
}
