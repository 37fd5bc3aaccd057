// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// Modes of a world, as docs/coexistence.md calls them.
const (
	modeOwn     = "own"
	modeAdopt18 = "adopt_1.8"
	modeAdopt2  = "adopt_2.x"
	modeSecret  = "secret"
)

var shared struct {
	sync.Once
	cluster *cluster.Cluster
	binary  string
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.cluster != nil {
		shared.cluster.Stop()
	}
	cluster.RemoveBinary()
	os.Exit(code)
}

// theCluster starts API server and Vault at the first call, with what all tests need there.
func theCluster(t *testing.T) *cluster.Cluster {
	t.Helper()
	servers.Need(t)
	shared.Do(func() {
		ctx := context.Background()
		if shared.binary, shared.err = cluster.Binary(ctx); shared.err != nil {
			return
		}
		var kube *rest.Config
		if kube, shared.err = given.kube(); shared.err != nil {
			return
		}
		if shared.cluster, shared.err = cluster.Start(ctx, cluster.Options{Kube: kube}); shared.err != nil {
			return
		}
		if kube == nil {
			shared.err = shared.cluster.InstallGateways(ctx)
		}
		if shared.err != nil {
			return
		}
		shared.err = prepare(ctx, shared.cluster)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// prepare makes the issuer, and a Service with an endpoint, without which 1.8 takes no Ingress.
func prepare(ctx context.Context, c *cluster.Cluster) error {
	if err := gatewayv1.Install(c.Client.Scheme()); err != nil {
		return err
	}
	if err := c.ApplyFile(ctx, "samples/issuer.yaml"); err != nil {
		return err
	}
	service := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}}}}
	service.Name, service.Namespace = "httpbin", namespace
	endpoints := &corev1.Endpoints{Subsets: []corev1.EndpointSubset{{ //nolint:staticcheck // 1.8 reads these
		Addresses: []corev1.EndpointAddress{{IP: "192.0.2.1"}}, Ports: []corev1.EndpointPort{{Port: 80}},
	}}}
	endpoints.Name, endpoints.Namespace = "httpbin", namespace
	slice := &discoveryv1.EndpointSlice{
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Port: ptr.To(int32(80))}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"192.0.2.1"}}},
	}
	slice.Name, slice.Namespace, slice.Labels = "httpbin", namespace, map[string]string{discoveryv1.LabelServiceName: "httpbin"}
	for _, object := range []client.Object{service, endpoints, slice} {
		if err := c.Client.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// world is a gateway with its ingress controller, and our controller beside it.
type world struct {
	*cluster.Cluster
	t    *testing.T
	mode string
	args []string // of our controller
	// period is that of the double of 2.x; zero: two seconds.
	period time.Duration
	// lag is that of its syncs.
	lag   time.Duration
	apisx *apisixtest.Server // nil beside a real gateway
	// real is the gateway itself, past the tap, and admin a client of it.
	real  cluster.Gateway
	admin *apisix.Client
	tap   *cluster.Tap
	ours  *cluster.Controller
	// theirs stops the ingress controller; nil: it does not run.
	theirs func()
	// double is the double of 2.x that was started last.
	double *Controller2x
	log    *os.File
}

// newWorld starts one. Everything in it ends with the test.
func newWorld(t *testing.T, mode string, args ...string) *world {
	t.Helper()
	given.needDouble(t, mode)
	return startWorld(t, mode, args...)
}

// startWorld is newWorld for tests that do nothing with the ingress controller itself: it may be a real one.
func startWorld(t *testing.T, mode string, args ...string) *world {
	t.Helper()
	given.need(t, mode)
	w := &world{Cluster: theCluster(t), t: t, mode: mode, args: args}
	w.findGateway()
	var err error
	if w.tap, err = cluster.NewTap(w.real.AdminURL, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.tap.Close)
	w.Gateway = w.real
	w.Gateway.AdminURL = w.tap.URL
	w.makeGatewayClass()
	w.makeClass()
	w.startTheirs()
	t.Cleanup(w.stopTheirs)
	w.startOurs()
	t.Cleanup(func() { w.stopOurs() })
	return w
}

// findGateway starts the stand-in, or takes the real gateway that is given.
func (w *world) findGateway() {
	w.t.Helper()
	if given.adminURL != "" {
		w.real = cluster.Gateway{AdminURL: given.adminURL, AdminKey: given.key(w.t), TLSAddr: given.tlsAddr}
	} else {
		w.apisx = standIn(w.t, apisixtest.Options{Standalone: w.mode == modeSecret})
		w.real = cluster.Gateway{AdminURL: w.apisx.AdminURL(), AdminKey: w.apisx.AdminKey(), TLSAddr: w.apisx.TLSAddr()}
	}
	var err error
	if w.admin, err = apisix.New(apisix.Options{Endpoints: []string{w.real.AdminURL}, AdminKey: apisix.StaticKey(w.real.AdminKey)}); err != nil {
		w.t.Fatal(err)
	}
}

// makeClass makes the IngressClass, as the ingress controller's chart does.
func (w *world) makeClass() {
	w.t.Helper()
	var object *networkingv1.IngressClass
	switch {
	case w.mode == modeOwn, given.kubeconfig != "":
		return
	case w.mode == modeAdopt18:
		object = ingressClass(class, "apisix.apache.org/apisix-ingress")
	default:
		object = ingressClass(class, ControllerName)
	}
	if err := w.Client.Create(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.Client.Delete(context.Background(), object) })
}

// parentGateway is the Gateway of all ListenerSets.
const parentGateway = "parent"

// makeGatewayClass makes the GatewayClass, of APISIX where that serves Gateways, with a Gateway whose listeners are those of ListenerSets.
func (w *world) makeGatewayClass() {
	w.t.Helper()
	gatewayClass := &gatewayv1.GatewayClass{Spec: gatewayv1.GatewayClassSpec{ControllerName: "example.com/gateway-controller"}}
	if carried(w.mode, "Gateway") {
		gatewayClass.Spec.ControllerName = ControllerName
	}
	gatewayClass.Name = class
	parent := &gatewayv1.Gateway{Spec: gatewayv1.GatewaySpec{
		GatewayClassName: gatewayv1.ObjectName(class), Listeners: []gatewayv1.Listener{{Name: "http", Port: 80, Protocol: gatewayv1.HTTPProtocolType}},
		AllowedListeners: &gatewayv1.AllowedListeners{Namespaces: &gatewayv1.ListenerNamespaces{From: ptr.To(gatewayv1.NamespacesFromSame)}},
	}}
	parent.Name, parent.Namespace = parentGateway, namespace
	objects := []client.Object{gatewayClass, parent}
	if given.kubeconfig != "" {
		if objects = objects[1:]; !w.knows("ListenerSet") {
			return
		}
	}
	for _, object := range objects {
		w.eventually(10*time.Second, func(ctx context.Context) (bool, string) { // the CRD may just be installed
			err := w.Client.Create(ctx, object)
			return err == nil, fmt.Sprint(err)
		})
		w.t.Cleanup(func() { _ = w.Client.Delete(context.Background(), object) })
	}
}

func (w *world) startOurs() {
	w.t.Helper()
	var err error
	if w.log, err = os.CreateTemp("", "apisix-certs-coexistence-*.log"); err != nil {
		w.t.Fatal(err)
	}
	if w.ours, err = w.StartController(w.t.Context(), shared.binary, w.log, append([]string{"--push-mode", "auto"}, w.args...)...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stopOurs() {
	if w.ours == nil {
		return
	}
	if err := w.ours.Stop(); err != nil {
		w.t.Error(err)
	}
	w.ours = nil
	if w.t.Failed() {
		w.t.Log("the controller's log is in", w.log.Name())
		return
	}
	_ = os.Remove(w.log.Name())
}

// startTheirs starts the ingress controller of the mode.
func (w *world) startTheirs() {
	w.t.Helper()
	switch {
	case given.kubeconfig != "": // it runs there
	case w.mode == modeAdopt18:
		w.theirs = w.start18("one")
	case w.mode == modeAdopt2, w.mode == modeSecret:
		w.theirs = w.start2x()
	}
}

func (w *world) stopTheirs() {
	if w.theirs != nil {
		w.theirs()
		w.theirs = nil
	}
}

// start18 starts the real 1.8.4.
func (w *world) start18(name string) (stop func()) {
	w.t.Helper()
	controller, err := servers.StartIngressController(w.t.Context(), w.Kube, servers.IngressControllerOptions{
		AdminURL: w.tap.URL + "/apisix/admin", AdminKey: servers.Key(w.real.AdminKey), IngressClass: class, Name: name,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := controller.Stop(); err != nil {
			w.t.Error(err)
		}
	}
}

// start2x starts the double of 2.x.
func (w *world) start2x() (stop func()) {
	w.t.Helper()
	admin, err := apisix.New(apisix.Options{Endpoints: []string{w.tap.URL}, AdminKey: apisix.StaticKey(w.real.AdminKey), UserAgent: "adc"})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	double := &Controller2x{Kube: w.Client, Cache: w.cache(ctx), Admin: admin, Lag: w.lag}
	w.double = double
	if w.mode == modeSecret {
		double.Configs = Configs(w.tap.URL, w.real.AdminKey)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		double.Run(ctx, cmp.Or(w.period, 2*time.Second))
	}()
	return func() {
		cancel()
		<-ended
	}
}

// cache is what the double of 2.x sees of the cluster, until ctx ends.
func (w *world) cache(ctx context.Context) client.Reader {
	w.t.Helper()
	seen, err := cache.New(w.Kube.Config, cache.Options{Scheme: w.Client.Scheme()})
	if err != nil {
		w.t.Fatal(err)
	}
	go func() { _ = seen.Start(ctx) }() // it ends without an error
	if !seen.WaitForCacheSync(ctx) {
		w.t.Fatal("the cache of the double does not start")
	}
	return seen
}

// eventually waits until done tells true, and fails with what it says else.
func (w *world) eventually(within time.Duration, done func(ctx context.Context) (ok bool, but string)) {
	w.t.Helper()
	but := ""
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, within, true, func(ctx context.Context) (bool, error) {
		var ok bool
		ok, but = done(ctx)
		return ok, nil
	})
	if err != nil {
		w.t.Fatalf("after %s: %s", within, but)
	}
}

// ssls are the gateway's ssl objects, in either way of keeping them.
func (w *world) ssls() []apisix.SSL {
	switch {
	case w.apisx != nil && w.mode == modeSecret:
		return w.apisx.Configured()
	case w.apisx != nil:
		return w.apisx.SSLs()
	case w.mode == modeSecret:
		return w.configured()
	}
	ssls, err := w.admin.ListSSLs(context.Background())
	if err != nil {
		w.t.Error(err)
	}
	return ssls
}

func (w *world) host(name string) string { return fmt.Sprintf("%s.moelove.info", name) }
