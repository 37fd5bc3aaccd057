// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/metrics/metricstest"
)

// hall is a registry over objects in memory, which its Follower reads too.
type hall struct {
	*testing.T
	*Registry
	objects client.Client
	logged  *strings.Builder
}

func newHall(t *testing.T, flags *Flags, objects ...client.Object) *hall {
	t.Helper()
	h := &hall{T: t, logged: &strings.Builder{}}
	h.objects = fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(objects...).Build()
	h.Registry = &Registry{
		Reader: h.objects, Follower: h, Flags: flags, Mode: gateway.ModeAuto, Cluster: "here", Clock: clock.RealClock{}, Log: logr.Discard(),
	}
	h.Log = funcr.New(func(_, line string) { h.logged.WriteString(line + "\n") }, funcr.Options{})
	h.EnableGatewayProxies()
	return h
}

func (h *hall) Follow(context.Context, string, Followed) (client.Reader, error) {
	return h.objects, nil
}
func (h *hall) Prune(string, []Followed) {}

// one is the only gateway of a class.
func (h *hall) one(class string) *gateway.Gateway {
	h.Helper()
	gateways := h.For(class)
	if len(gateways) != 1 {
		h.Fatalf("class %q has %d gateways", class, len(gateways))
	}
	return gateways[0]
}

func (h *hall) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *hall) create(object client.Object) {
	h.Helper()
	h.must(h.objects.Create(h.Context(), object))
}
func (h *hall) update(object client.Object) {
	h.Helper()
	h.must(h.objects.Update(h.Context(), object))
}

func standIn(t *testing.T, options apisixtest.Options) *apisixtest.Server {
	t.Helper()
	server, err := apisixtest.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func ingressClass(name, controller, proxy string) *networkingv1.IngressClass {
	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: networkingv1.IngressClassSpec{Controller: controller}}
	if proxy != "" {
		class.Spec.Parameters = &networkingv1.IngressClassParametersReference{
			APIGroup: ptr.To("apisix.apache.org"), Kind: "GatewayProxy", Name: proxy, Scope: ptr.To("Namespace"), Namespace: ptr.To("apisix"),
		}
	}
	return class
}

func defaultClass(class *networkingv1.IngressClass) *networkingv1.IngressClass {
	class.Annotations = map[string]string{"ingressclass.kubernetes.io/is-default-class": "true"}
	return class
}

func adminSecret(key string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "apisix", Name: "admin"}, Data: map[string][]byte{"key": []byte(key + "\n")}}
}

const fromSecret = "auth: {type: AdminKey, adminKey: {valueFrom: {secretKeyRef: {name: admin, key: key}}}}"

func proxyAt(t *testing.T, url string) *unstructured.Unstructured {
	return proxyOf(t, planeSpec(`endpoints: ["`+url+`"], `+fromSecret))
}

func flagsAt(server *apisixtest.Server) *Flags {
	return &Flags{URLs: []string{server.AdminURL()}, Key: apisix.StaticKey(server.AdminKey())}
}

func TestClassPicksGateway(t *testing.T) {
	other := ingressClass("other", "nginx.org/ingress", "config")
	other.Spec.Parameters.APIGroup = ptr.To("nginx.org")
	astray := ingressClass("astray", ingresscontroller.Class2, "config")
	astray.Spec.Parameters.Namespace = nil
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, flagsAt(server), other, astray,
		ingressClass("plain", ingresscontroller.Class18, ""), ingressClass("proxied", ingresscontroller.Class2, "config"), ingressClass("twin", ingresscontroller.Class2, "config"),
		adminSecret(server.AdminKey()), proxyAt(t, server.AdminURL()))
	for class, want := range map[string]string{
		"": "default", "unknown": "default", "plain": "default", "proxied": "apisix/config", "twin": "apisix/config",
		"astray": "IngressClass astray",
	} {
		if got := h.one(class).Name; got != want {
			t.Errorf("class %q goes to %s, want %s", class, got, want)
		}
	}
	first, second := h.one("proxied"), h.one("proxied")
	if first != second || first != h.one("twin") || h.one("") != h.one("plain") {
		t.Error("a Gateway is not kept")
	}
	h.wantFault("astray", "IngressClass astray", "spec.parameters.namespace")
	if h.Named("default") != h.one("") || h.Named("apisix/config") != h.one("proxied") || h.Named("IngressClass astray") != nil {
		t.Error("a gateway is another one by its name")
	}
	h.create(defaultClass(ingressClass("first", ingresscontroller.Class2, "config")))
	if got := h.one("").Name; got != "apisix/config" {
		t.Errorf("no class goes to %s in spite of the default class", got)
	}
}

func TestNoGateway(t *testing.T) {
	h := newHall(t, nil, ingressClass("proxied", ingresscontroller.Class2, "config"))
	if got := h.For("plain"); len(got) != 0 {
		t.Errorf("there is a gateway: %v", got[0].Name)
	}
	h.wantFault("proxied", "GatewayProxy apisix/config", "")
}

// wantFault checks that each call to the class's gateway returns the set-up error.
func (h *hall) wantFault(class, object, field string) {
	h.Helper()
	g := h.one(class)
	_, observed := g.Observe(h.Context(), gateway.Target{})
	_, removed := g.Remove(h.Context(), gateway.Target{}, true)
	for _, err := range []error{observed, removed, g.Refresh(h.Context())} {
		var setup *gateway.SetupError
		if !errors.As(err, &setup) || setup.Object != object || setup.Field != field || !gateway.Refused(err) {
			h.Errorf("class %s: %v", class, err)
		}
	}
}

// wantFine checks that the class's gateway answers.
func (h *hall) wantFine(class string) *gateway.Gateway {
	h.Helper()
	g := h.one(class)
	h.must(g.Refresh(h.Context()))
	return g
}

// A faulty GatewayProxy says what to mend, others go on, and once mended it works.
func TestFaultyProxy(t *testing.T) {
	const secretField = "spec.provider.controlPlane.auth.adminKey.valueFrom.secretKeyRef"
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, flagsAt(server), ingressClass("proxied", ingresscontroller.Class2, "config"))
	h.wantFault("proxied", "GatewayProxy apisix/config", "")
	proxy := proxyOf(t, planeSpec(fromSecret))
	steps := []struct {
		change func()
		field  string
	}{
		{func() { h.create(proxy) }, "spec.provider.controlPlane"},
		{func() { proxy.Object["spec"] = proxyAt(t, server.AdminURL()).Object["spec"]; h.update(proxy) }, secretField},
		{func() { h.create(adminSecret("")) }, secretField},
	}
	for _, step := range steps {
		step.change()
		h.Invalidate("apisix/config")
		h.wantFault("proxied", "GatewayProxy apisix/config", step.field)
		h.wantFine("")
	}
	h.update(adminSecret(server.AdminKey()))
	h.Invalidate("apisix/config")
	good := h.wantFine("proxied")
	h.must(h.objects.Delete(h.Context(), adminSecret("")))
	h.Invalidate("apisix/config")
	h.wantFault("proxied", "GatewayProxy apisix/config", secretField)
	h.create(adminSecret(server.AdminKey()))
	h.Invalidate("apisix/config")
	if h.wantFine("proxied") != good {
		t.Error("a fault that has passed cost the Gateway with its inventory")
	}
}

func TestProxyWithoutCRD(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, nil, ingressClass("proxied", ingresscontroller.Class2, "config"), proxyAt(t, server.AdminURL()), adminSecret(server.AdminKey()))
	h.known.proxies.Store(false)
	h.wantFault("proxied", "GatewayProxy apisix/config", "")
	h.EnableGatewayProxies()
	h.wantFine("proxied")
}

// The key is read from its Secret for each request: nobody needs to tell that it changed.
func TestKeyRotated(t *testing.T) {
	const next = "0123456789abcdef0123456789abcdef"
	server := standIn(t, apisixtest.Options{AdminKey: next})
	h := newHall(t, nil, ingressClass("proxied", ingresscontroller.Class2, "config"), proxyAt(t, server.AdminURL()), adminSecret("the-old-key"))
	g := h.one("proxied")
	if err := g.Refresh(t.Context()); !apisix.IsUnauthorized(err) || !gateway.Refused(err) {
		t.Errorf("old key: %v", err)
	}
	h.update(adminSecret(next))
	h.must(g.Refresh(t.Context()))
	if strings.Contains(h.logged.String(), next) {
		t.Error("the key is in the log")
	}
}

// Another Admin API is another gateway; another key is not.
func TestProxyChanged(t *testing.T) {
	first, second := standIn(t, apisixtest.Options{}), standIn(t, apisixtest.Options{})
	proxy := proxyAt(t, first.AdminURL())
	h := newHall(t, nil, ingressClass("proxied", ingresscontroller.Class2, "config"), proxy, adminSecret(first.AdminKey()))
	before := h.wantFine("proxied")
	proxy.Object["spec"] = proxyOf(t, planeSpec(`endpoints: ["`+first.AdminURL()+`"], auth: {adminKey: {value: `+first.AdminKey()+`}}`)).Object["spec"]
	h.update(proxy)
	h.Invalidate("apisix/config")
	if h.wantFine("proxied") != before {
		t.Error("another key made another Gateway")
	}
	proxy.Object["spec"] = proxyAt(t, second.AdminURL()).Object["spec"]
	h.update(proxy)
	h.Invalidate("apisix/config")
	second.ResetCalls()
	if h.wantFine("proxied") == before || len(second.Calls()) == 0 {
		t.Error("another Admin API is asked through the old Gateway")
	}
}

func TestUnverifiedAdminIsLoggedOnce(t *testing.T) {
	h := newHall(t, nil, ingressClass("proxied", ingresscontroller.Class2, "config"), adminSecret("key"),
		proxyOf(t, planeSpec(`endpoints: ["https://127.0.0.1:1"], tlsVerify: false, `+fromSecret)))
	for range 3 {
		h.Invalidate("apisix/config")
		h.one("proxied")
	}
	if n := strings.Count(h.logged.String(), "tlsVerify"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// slicesAt is the EndpointSlice of Service default/admin with the given stand-ins' ports ready; all listen on one
// address, so each has a slice of its own.
func slicesAt(addrs ...string) []discoveryv1.EndpointSlice {
	var all []discoveryv1.EndpointSlice
	for i, addr := range addrs {
		host, port, _ := net.SplitHostPort(addr)
		number, _ := strconv.Atoi(port)
		slice := podSlice("admin", int32(number), pod(host, ptr.To(true), "pod-"+port))
		slice.Name = "admin-" + strconv.Itoa(i)
		all = append(all, slice)
	}
	return all
}

func (h *hall) setSlices(addrs ...string) {
	h.Helper()
	h.must(h.objects.DeleteAllOf(h.Context(), &discoveryv1.EndpointSlice{}, client.InNamespace("default")))
	for _, slice := range slicesAt(addrs...) {
		h.create(&slice)
	}
	h.Invalidate(FlagsName)
}

// Pods come and go, the Gateway and what it knows stay.
func TestFollowsPods(t *testing.T) {
	first, second := standIn(t, apisixtest.Options{}), standIn(t, apisixtest.Options{})
	admin := func(s *apisixtest.Server) string { return strings.TrimPrefix(s.AdminURL(), "http://") }
	h := newHall(t, &Flags{Service: &ServicePort{"default", "admin", "admin"}, Key: apisix.StaticKey(first.AdminKey())})
	h.wantFault("", "--apisix-admin-service", "")
	h.setSlices(admin(first))
	g := h.wantFine("")
	calls := len(first.Calls())
	h.setSlices(admin(second))
	if h.one("") != g {
		t.Error("another pod made another Gateway")
	}
	h.must(g.Reread(t.Context(), gateway.DefaultResync))
	if len(first.Calls()) != calls || len(second.Calls()) != 0 {
		t.Error("the inventory was read anew")
	}
	h.must(g.Refresh(t.Context()))
	if len(first.Calls()) != calls || len(second.Calls()) == 0 {
		t.Error("the new pod was not asked")
	}
	h.setSlices()
	h.wantFault("", "--apisix-admin-service", "")
}

func TestTLSPort(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	flags := flagsAt(server)
	flags.TLSService = &ServicePort{"default", "admin", "admin"}
	h := newHall(t, flags)
	if proof := h.wantFine("").Prove(t.Context(), []string{"a.example"}, "x"); !proof.Attempted || proof.Served || !strings.Contains(proof.Problem, "--apisix-tls-service") {
		t.Errorf("without a pod: %+v", proof)
	}
	h.setSlices("127.0.0.1:1", "127.0.0.1:2")
	if got := h.wantFine("").TLSPort().Addrs; len(got) != 2 {
		t.Errorf("addresses %v", got)
	}
}

// A gateway whose first Admin API is down takes writes at the second.
func TestFailover(t *testing.T) {
	down, up := standIn(t, apisixtest.Options{}), standIn(t, apisixtest.Options{})
	h := newHall(t, &Flags{URLs: []string{down.AdminURL(), up.AdminURL()}, Key: apisix.StaticKey(up.AdminKey())})
	g := h.wantFine("")
	down.Stop()
	target := registryTarget(t, "shop.example")
	state, err := g.Observe(t.Context(), target)
	h.must(err)
	_, action, err := g.Push(t.Context(), state, target)
	h.must(err)
	if _, err := g.Admin.GetSSL(t.Context(), g.ID(target)); err != nil || action.Verb != gateway.ActionPut {
		t.Errorf("%s: %v", action.Verb, err)
	}
}

// A pod that lags behind is seen: all must serve the certificate.
func TestPodsLag(t *testing.T) {
	ahead, behind := standIn(t, apisixtest.Options{}), standIn(t, apisixtest.Options{})
	flags := flagsAt(ahead)
	flags.TLSService = &ServicePort{"default", "admin", "admin"}
	h := newHall(t, flags)
	h.setSlices(ahead.TLSAddr(), behind.TLSAddr())
	g, target := h.one(""), registryTarget(t, "shop.example")
	push := func(g *gateway.Gateway) {
		state, err := g.Observe(t.Context(), target)
		h.must(err)
		_, _, err = g.Push(t.Context(), state, target)
		h.must(err)
	}
	push(g)
	if proof := g.Prove(t.Context(), target.Hosts, target.Fingerprint); proof.Served || proof.Problem == "" {
		t.Errorf("one of two serves it: %+v", proof)
	}
	push(newHall(t, flagsAt(behind)).one(""))
	if proof := g.Prove(t.Context(), target.Hosts, target.Fingerprint); !proof.Served || proof.Serial != target.Serial {
		t.Errorf("both serve it: %+v", proof)
	}
}

// Mode own is refused beside a controller that deletes what it does not know, however its presence shows.
func TestOwnRefused(t *testing.T) {
	for name, test := range map[string]struct {
		class   *networkingv1.IngressClass
		label   string
		refused bool
	}{
		"nothing":                  {},
		"class of 2.x":             {class: ingressClass("a", ingresscontroller.Class2, ""), refused: true},
		"class of 1.8":             {class: ingressClass("a", ingresscontroller.Class18, "")},
		"class of another":         {class: ingressClass("a", "nginx.org/ingress", "")},
		"class of another gateway": {class: ingressClass("a", ingresscontroller.Class2, "config")},
		"object of 2.x":            {label: ingresscontroller.Label2ManagedBy, refused: true},
		"object of 1.8":            {label: ingresscontroller.Label18ManagedBy},
	} {
		t.Run(name, func(t *testing.T) {
			server := standIn(t, apisixtest.Options{})
			h := newHall(t, flagsAt(server))
			h.Mode = gateway.ModeOwn
			if test.class != nil {
				h.create(test.class)
			}
			g := h.one("")
			if test.label != "" {
				other := registryTarget(t, "other.example")
				_, err := g.Admin.PutSSL(t.Context(), apisix.SSL{
					ID: "1", SNIs: other.Hosts, Cert: string(other.Cert), Key: string(other.Key), Labels: map[string]string{test.label: ingresscontroller.Name},
				})
				h.must(err)
			}
			_, err := g.Observe(t.Context(), registryTarget(t, "shop.example"))
			var mode *gateway.ModeError
			if errors.As(err, &mode) != test.refused || test.refused != gateway.Refused(err) || !test.refused && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

// The mode is told once, and found anew when an ingress class appears.
func TestModeFoundAnew(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, flagsAt(server))
	for _, step := range []struct {
		change func()
		want   gateway.Mode
	}{
		{func() {}, gateway.ModeOwn},
		{h.InvalidateAll, gateway.ModeOwn},
		{func() { h.create(ingressClass("proxied", ingresscontroller.Class2, "config")); h.InvalidateAll() }, gateway.ModeOwn},
		{func() { h.create(ingressClass("plain", ingresscontroller.Class18, "")) }, gateway.ModeOwn}, // not told yet
		{h.InvalidateAll, gateway.ModeAdopt},
	} {
		step.change()
		if mode, err := h.one("").FindMode(t.Context()); mode != step.want || err != nil {
			t.Fatalf("mode %s, want %s: %v", mode, step.want, err)
		}
	}
	if n := strings.Count(h.logged.String(), "push mode found"); n != 2 {
		t.Errorf("told %d times:\n%s", n, h.logged)
	}
}

// TestSameGateway: gateways are the same when their endpoints are, not their names.
func TestSameGateway(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	port := server.AdminURL()[strings.LastIndex(server.AdminURL(), ":")+1:]
	for name, test := range map[string]struct {
		flags, proxy string
		same         bool
	}{
		"the same URL":        {server.AdminURL(), `endpoints: ["` + server.AdminURL() + `"]`, true},
		"one of several":      {server.AdminURL(), `endpoints: ["http://other:9180", "` + server.AdminURL() + `/"]`, true},
		"in other letters":    {"http://LOCALHOST:" + port, `endpoints: ["http://localhost:` + port + `"]`, true},
		"another port":        {server.AdminURL(), `endpoints: ["http://127.0.0.1:1"]`, false},
		"a Service's name":    {"http://admin.apisix.svc:9180", `service: {name: admin, port: 9180}`, true},
		"its longest name":    {"http://admin.apisix.svc.cluster.local.:9180", `service: {name: admin, port: 9180}`, true},
		"another namespace's": {"http://admin.other.svc:9180", `service: {name: admin, port: 9180}`, false},
		"both by name":        {"http://admin.apisix:9180", `endpoints: ["http://admin.apisix.svc.cluster.local:9180"]`, true},
	} {
		t.Run(name, func(t *testing.T) {
			flags := &Flags{URLs: []string{test.flags}, Key: apisix.StaticKey(server.AdminKey()), TLSAddrs: []string{"127.0.0.1:9443"}}
			h := newHall(t, flags, ingressClass("proxied", ingresscontroller.Class2, "config"), adminSecret(server.AdminKey()),
				proxyOf(t, planeSpec(test.proxy+`, `+fromSecret)))
			controlled, err := h.one("").Controlled(t.Context())
			exclusive, errToo := h.one("").Exclusive(t.Context())
			if h.must(errors.Join(err, errToo)); controlled != test.same || exclusive != test.same {
				t.Errorf("a 2.x controller keeps the gateway of the flags: %t, %t, want %t", controlled, exclusive, test.same)
			}
			if got := h.one("proxied").TLSPort().Addrs; (len(got) == 1) != test.same {
				t.Errorf("the TLS port of the flags is that of the GatewayProxy: %v, want %t", got, test.same)
			}
		})
	}
}

// TestFlagsTLSPort: where the TLS port is may be known by the flags alone.
func TestFlagsTLSPort(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	const addr = "127.0.0.1:9443"
	proxy := func(annotations ...string) *unstructured.Unstructured {
		return proxyOf(t, planeSpec(`endpoints: ["`+server.AdminURL()+`"], `+fromSecret), annotations...)
	}
	second := ingressClass("second", ingresscontroller.Class2, "other")
	other := proxy()
	other.SetName("other")
	for name, test := range map[string]struct {
		flags   *Flags
		objects []client.Object
		want    string
	}{
		"the flags name no gateway":       {&Flags{TLSAddrs: []string{addr}}, []client.Object{proxy()}, addr},
		"the GatewayProxy says it itself": {&Flags{TLSAddrs: []string{addr}}, []client.Object{proxy(AnnotationTLSAddr, "127.0.0.1:1")}, "127.0.0.1:1"},
		"which of two is not known":       {&Flags{TLSAddrs: []string{addr}}, []client.Object{proxy(), second, other}, ""},
		"the flags name another gateway":  {&Flags{TLSAddrs: []string{addr}, URLs: []string{"http://127.0.0.1:1"}, Key: apisix.StaticKey("x")}, []client.Object{proxy()}, ""},
		"no flags":                        {nil, []client.Object{proxy()}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHall(t, test.flags, append(test.objects, ingressClass("proxied", ingresscontroller.Class2, "config"), adminSecret(server.AdminKey()))...)
			if got := strings.Join(h.wantFine("proxied").TLSPort().Addrs, ","); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.flags != nil && len(test.flags.URLs) == 0 && (len(h.For("plain")) != 0 || h.Named(FlagsName) != nil) {
				t.Error("a TLS address alone is taken for a gateway")
			}
		})
	}
}

// TestOtherController: a class whose controller is not APISIX's has no gateway, and its hosts are not put into APISIX.
func TestOtherController(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, flagsAt(server), ingressClass("nginx", "k8s.io/ingress-nginx", ""), ingressClass("plain", ingresscontroller.Class18, ""),
		ingressClass("named", "example.com/our-apisix", "config"), adminSecret(server.AdminKey()), proxyAt(t, server.AdminURL()))
	for class, want := range map[string]string{"nginx": "", "plain": FlagsName, "named": "apisix/config", "": FlagsName, "unknown": FlagsName} {
		got := h.For(class)
		if len(got) == 0 != (want == "") || want != "" && got[0].Name != want {
			t.Errorf("class %q has %d gateways, want %q", class, len(got), want)
		}
		if name := h.NameFor(t.Context(), class); name != want {
			t.Errorf("class %q goes to %q, want %q", class, name, want)
		}
	}
	h.create(defaultClass(ingressClass("first", "k8s.io/ingress-nginx", "")))
	if got := h.one("").Name; got != FlagsName {
		t.Errorf("a default class of another controller takes what has no class: %s", got)
	}
}

// TestInsecureProxy: an Admin API that may be anybody's is reported once, and in a metric as long as it is so.
func TestInsecureProxy(t *testing.T) {
	class := ingressClass("proxied", ingresscontroller.Class2, "config")
	proxy := proxyOf(t, planeSpec(`endpoints: ["https://127.0.0.1:1"], tlsVerify: false, `+fromSecret))
	h := newHall(t, nil, class, adminSecret("key"), proxy)
	var warned []Warning
	h.Warn = func(w Warning) { warned = append(warned, w) }
	insecure := func() float64 {
		value, _ := metricstest.Value(t, "apisix_certs_gateway_insecure", "apisix/config")
		return value
	}
	for range 3 {
		h.Invalidate("apisix/config")
		h.one("proxied")
	}
	if len(warned) != 1 || warned[0].Proxy.String() != "apisix/config" || !strings.Contains(warned[0].Problem, "tlsVerify") || insecure() != 1 {
		t.Errorf("warnings %+v, metric %v", warned, insecure())
	}
	proxy.Object["spec"] = proxyOf(t, planeSpec(`endpoints: ["https://127.0.0.1:1"], `+fromSecret)).Object["spec"]
	h.update(proxy)
	h.Invalidate("apisix/config")
	h.one("proxied")
	if len(warned) != 1 || insecure() != 0 {
		t.Errorf("once it is verified: warnings %+v, metric %v", warned, insecure())
	}
	h.must(h.objects.Delete(t.Context(), class))
	h.ForgetUnused(t.Context())
	if _, found := metricstest.Value(t, "apisix_certs_gateway_insecure", "apisix/config"); found {
		t.Error("the metric of a gateway that is not used any more stays")
	}
}
