// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/crdwatch"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// gatherDelay is how long the certificates of a changed gateway wait before they are reconciled, so that a group of Pod changes
// is handled at once. Certificates that are pushed meanwhile already use the new settings.
const gatherDelay = 200 * time.Millisecond

// gateways is the registry of gateways. Its watches also enqueue the certificates of gateways that changed.
type gateways struct {
	*registry.Registry
	mgr          ctrl.Manager
	cache        cache.Cache // of IngressClasses and GatewayProxies
	certificates controller.Controller
	// forceVerify makes the next reconciliation of a certificate verify again what is served.
	forceVerify func(types.NamespacedName)
	// queue receives the queue of the certificate controller once, when that starts.
	queue   chan workqueue.TypedRateLimitingInterface[ctrl.Request]
	changes chan string // names of gateways
}

func newGateways(ctx context.Context, mgr ctrl.Manager, options Options, within *reach) (*gateways, error) {
	flags, err := options.gatewayOfFlags()
	if err != nil {
		return nil, err
	}
	config, err := options.adminTLS().Config()
	if err != nil {
		return nil, fmt.Errorf("configure TLS for the Admin API: %w", err)
	}
	cluster, err := clusterName(ctx, mgr.GetAPIReader(), options.ClusterName)
	if err != nil {
		return nil, err
	}
	from, err := within.ofGateways(mgr)
	if err != nil {
		return nil, fmt.Errorf("create the cache of gateways: %w", err)
	}
	g := &gateways{mgr: mgr, cache: from, changes: make(chan string, 256), queue: make(chan workqueue.TypedRateLimitingInterface[ctrl.Request], 1)}
	recorder := mgr.GetEventRecorder("apisix-certs")
	g.Registry = &registry.Registry{
		Warn:   func(w registry.Warning) { g.warn(ctx, recorder, w) },
		Reader: from, Flags: flags, Mode: gateway.Mode(options.PushMode), Cluster: cluster, Clock: clock.RealClock{},
		TLS: config, UserAgent: options.userAgent(), Log: mgr.GetLogger().WithName("gateways"),
		Follower: &registry.Watches{
			Context: ctx, Changed: g.changed,
			NewCache: func(o cache.Options) (cache.Cache, error) {
				o.Scheme, o.Mapper, o.HTTPClient = mgr.GetScheme(), mgr.GetRESTMapper(), mgr.GetHTTPClient()
				return cache.New(mgr.GetConfig(), o)
			},
		},
	}
	if within != nil {
		g.Follower = &follower{g.Follower, options.Reach()}
	}
	return g, nil
}

// warn records a Warning event on the GatewayProxy.
func (g *gateways) warn(ctx context.Context, recorder events.EventRecorder, w registry.Warning) {
	proxy := &unstructured.Unstructured{}
	proxy.SetGroupVersionKind(registry.GatewayProxyKind)
	if err := g.cache.Get(ctx, w.Proxy, proxy); err != nil {
		return // the warning is also logged
	}
	recorder.Eventf(proxy, nil, corev1.EventTypeWarning, "InsecureAdminAPI", "Observe", "%s", w.Problem)
}

// changed handles a change of an object that a gateway is configured by.
func (g *gateways) changed(name string) {
	g.Invalidate(name)
	g.changes <- name
}

// setup adds the watches, including that of GatewayProxies if the cluster has their CRD. certificates is the controller of
// ApisixCertificates, forceVerify the ForceVerify method of their reconciler.
func (g *gateways) setup(ctx context.Context, crds *crdwatch.Watcher, certificates controller.Controller, forceVerify func(types.NamespacedName)) error {
	g.certificates, g.forceVerify = certificates, forceVerify
	if err := certificates.Watch(ctrlsource.Kind[client.Object](g.cache, &networkingv1.IngressClass{}, g.onClass(), classChanged())); err != nil {
		return err
	}
	if err := certificates.Watch(ctrlsource.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		g.queue <- queue
		return nil
	})); err != nil {
		return err
	}
	kind := registry.GatewayProxyKind
	if err := crds.Add(ctx, kind.GroupKind(), kind.Version, g.watchProxies); err != nil {
		return err
	}
	if err := crds.Add(ctx, gatewayapi.ClassKind.GroupKind(), gatewayapi.ClassKind.Version, g.watchGatewayClasses); err != nil {
		return err
	}
	if err := crds.Add(ctx, gatewayapi.GatewayKind.GroupKind(), gatewayapi.GatewayKind.Version, g.watchGateways); err != nil {
		return err
	}
	return g.mgr.Add(g)
}

// Start enqueues the certificates of gateways that changed, until ctx is done.
func (g *gateways) Start(ctx context.Context) error {
	var queue workqueue.TypedRateLimitingInterface[ctrl.Request]
	for {
		select {
		case <-ctx.Done():
			return nil
		case queue = <-g.queue:
		case name := <-g.changes:
			if queue == nil {
				continue // all certificates are enqueued when the controller starts
			}
			for _, request := range g.certificatesOf(ctx, func(key string) bool { return g.NameFor(ctx, key) == name }) {
				queue.AddAfter(request, gatherDelay)
			}
		}
	}
}

// certificatesOf lists the certificates whose class key is concerned, and marks them for verification of what is served.
func (g *gateways) certificatesOf(ctx context.Context, concerned func(key string) bool) []ctrl.Request {
	var list v1alpha1.ApisixCertificateList
	if err := g.mgr.GetClient().List(ctx, &list, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list the ApisixCertificates of a gateway")
		return nil
	}
	known := map[string]bool{}
	var requests []ctrl.Request
	for i := range list.Items {
		key := class.Of(&list.Items[i])
		if _, ok := known[key]; !ok {
			known[key] = concerned(key)
		}
		if known[key] {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			g.forceVerify(client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return requests
}

func (g *gateways) watchProxies(_ context.Context, found crdwatch.Found) error {
	proxy := &unstructured.Unstructured{}
	proxy.SetGroupVersionKind(found.Kind)
	g.EnableGatewayProxies()
	return g.certificates.Watch(ctrlsource.Kind[client.Object](g.cache, proxy, g.onProxy(), proxyChanged()))
}

// watchGatewayClasses enqueues the certificates of all Gateways when a GatewayClass changes, which is rare.
func (g *gateways) watchGatewayClasses(context.Context, crdwatch.Found) error {
	return g.certificates.Watch(ctrlsource.Kind[client.Object](g.mgr.GetCache(), gatewayapi.NewClass(), handler.EnqueueRequestsFromMapFunc(
		func(ctx context.Context, _ client.Object) []ctrl.Request {
			g.InvalidateAll()
			return g.certificatesOf(ctx, func(key string) bool {
				_, ok := class.Gateway(key)
				return ok
			})
		}), classChanged()))
}

// watchGateways enqueues the certificates of a Gateway that changed, and those of the APISIX that it selects, whose push mode may
// have changed.
func (g *gateways) watchGateways(context.Context, crdwatch.Found) error {
	g.EnableGatewayAPI()
	return g.certificates.Watch(ctrlsource.Kind[client.Object](g.mgr.GetCache(), gatewayapi.NewGateway(), handler.EnqueueRequestsFromMapFunc(
		func(ctx context.Context, changed client.Object) []ctrl.Request {
			g.InvalidateAll()
			g.ForgetUnused(ctx)
			its := class.OfGateway(client.ObjectKeyFromObject(changed))
			name := g.NameFor(ctx, its)
			return g.certificatesOf(ctx, func(key string) bool { return key == its || name != "" && g.NameFor(ctx, key) == name })
		}), predicate.GenerationChangedPredicate{}))
}

func (g *gateways) onProxy() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, proxy client.Object) []ctrl.Request {
		name := client.ObjectKeyFromObject(proxy).String()
		g.Invalidate(name)
		g.ForgetUnused(ctx)
		return g.certificatesOf(ctx, func(key string) bool { return g.NameFor(ctx, key) == name })
	})
}

// onClass enqueues the certificates of an IngressClass, those without a class, whose default may have changed, and those of the
// gateway of the class, whose push mode may have changed.
func (g *gateways) onClass() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, changed client.Object) []ctrl.Request {
		g.InvalidateAll()
		g.ForgetUnused(ctx)
		name := g.NameFor(ctx, changed.GetName())
		return g.certificatesOf(ctx, func(key string) bool {
			return key == "" || key == changed.GetName() || g.NameFor(ctx, key) == name
		})
	})
}

// classChanged selects the changes that may change the gateway of a class or its controller.
func classChanged() predicate.Predicate {
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}

// proxyChanged ignores changes of the status only.
func proxyChanged() predicate.Predicate {
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{},
		predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() }})
}

// clusterName identifies this cluster among others that share a gateway: the given name, or else the UID of kube-system, which
// never changes.
func clusterName(ctx context.Context, reader client.Reader, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	system := &corev1.Namespace{}
	if err := reader.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return "", fmt.Errorf("identify the cluster (set --cluster-name to do without): %w", err)
	}
	return string(system.UID), nil
}
