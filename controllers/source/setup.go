// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"maps"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/shard"
)

// Kinds of sources.
const (
	kindTLS     = "ApisixTls"
	kindRoute   = "ApisixRoute"
	kindIngress = "Ingress"
)

var apiVersions = map[string]schema.GroupVersion{
	kindTLS:     {Group: "apisix.apache.org", Version: "v2"},
	kindRoute:   {Group: "apisix.apache.org", Version: "v2"},
	kindIngress: networkingv1.SchemeGroupVersion,
}

// Kind is a kind of source object and how to start its controller.
type Kind struct {
	schema.GroupVersionKind
	// SecretKeys tells of an object by which an ingress controller serves Secrets which ones they are, as
	// NAMESPACE/NAME. Nil: ingress controllers serve no Secret by this kind.
	SecretKeys client.IndexerFunc
	// Object is an empty object of the kind.
	Object client.Object
	// Setup builds the controller of the kind.
	Setup func(ctx context.Context, mgr ctrl.Manager, defaults Defaults, part *shard.Shard) error
}

// Kinds are all kinds of sources. Those of APISIX may be absent from a cluster.
func Kinds() []Kind {
	return []Kind{
		{apiVersions[kindIngress].WithKind(kindIngress), ingressSecrets, &networkingv1.Ingress{}, setupIngress},
		{apiVersions[kindTLS].WithKind(kindTLS), tlsSecrets, &configv2.ApisixTls{}, setupTLS},
		{apiVersions[kindRoute].WithKind(kindRoute), nil, newRoute(), setupRoute},
	}
}

func setupIngress(ctx context.Context, mgr ctrl.Manager, defaults Defaults, part *shard.Shard) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &networkingv1.Ingress{}, indexUse, ingressSecrets); err != nil {
		return fmt.Errorf("index of Ingresses by Secret: %w", err)
	}
	return start(mgr, &reconciler[*networkingv1.Ingress]{
		kind: kindIngress, defaults: defaults, wanted: wantedByIngress,
		newObject: func() *networkingv1.Ingress { return &networkingv1.Ingress{} },
	}, part, nil)
}

func setupTLS(ctx context.Context, mgr ctrl.Manager, defaults Defaults, part *shard.Shard) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &configv2.ApisixTls{}, indexUse, tlsSecrets); err != nil {
		return fmt.Errorf("index of ApisixTlses by Secret: %w", err)
	}
	if err := mgr.GetFieldIndexer().IndexField(ctx, &configv2.ApisixTls{}, indexClientCA, clientCAs); err != nil {
		return fmt.Errorf("index of ApisixTlses by the CA of clients: %w", err)
	}
	return start(mgr, &reconciler[*configv2.ApisixTls]{
		kind: kindTLS, defaults: defaults, wanted: wantedByTLS,
		newObject: func() *configv2.ApisixTls { return &configv2.ApisixTls{} },
	}, part, nil)
}

func setupRoute(ctx context.Context, mgr ctrl.Manager, defaults Defaults, part *shard.Shard) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, newRoute(), indexRouteHost, routeHostKeys); err != nil {
		return fmt.Errorf("index of ApisixRoutes by host: %w", err)
	}
	r := &reconciler[*unstructured.Unstructured]{
		kind: kindRoute, defaults: defaults, yields: true, newObject: newRoute,
		wanted: func(u *unstructured.Unstructured, d Defaults) wants { return wantedByRoute(routeOf(u), d) },
	}
	r.follow = r.followRoute
	return start(mgr, r, part, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, cert client.Object) []ctrl.Request {
		return routesOfHosts(ctx, mgr.GetClient(), cert)
	}))
}

// start builds the controller of one kind: for its objects, for the ApisixCertificates that they own, and, where also
// is set, for other ApisixCertificates that concern them.
func start[T client.Object](mgr ctrl.Manager, r *reconciler[T], part *shard.Shard, also handler.EventHandler) error {
	r.Client, r.recorder = mgr.GetClient(), mgr.GetEventRecorder("apisix-certs")
	b := ctrl.NewControllerManagedBy(mgr).Named("source-"+r.kind).WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		For(r.newObject(), builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{}))).
		Watches(&v1alpha1.ApisixCertificate{}, ownersOf(r.kind), builder.WithPredicates(wantedChanged(r.follow != nil)))
	if also != nil {
		b = b.Watches(&v1alpha1.ApisixCertificate{}, also, builder.WithPredicates(wantedChanged(r.follow != nil)))
	}
	return b.Complete(part.Only(r))
}

// wantedChanged leaves out what only a status says, but, for kinds that follow it, its word that there is a certificate: see
// followRoute. It leaves out those that are there at the start too, when all sources are looked at.
func wantedChanged(followed bool) predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }, UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
		return was.Generation != is.Generation || was.DeletionTimestamp.IsZero() != is.DeletionTimestamp.IsZero() ||
			!maps.Equal(told(was), told(is)) || !equality.Semantic.DeepEqual(was.OwnerReferences, is.OwnerReferences) ||
			followed && hasCertificate(was) != hasCertificate(is)
	}}
}

// told are the annotations without an order to renew, which is for the certificate alone.
func told(cert *v1alpha1.ApisixCertificate) map[string]string {
	if _, ok := cert.Annotations[v1alpha1.AnnotationRenewAt]; !ok {
		return cert.Annotations
	}
	rest := maps.Clone(cert.Annotations)
	delete(rest, v1alpha1.AnnotationRenewAt)
	return rest
}

// ownersOf enqueues the objects of a kind that own an ApisixCertificate. That of controller-runtime asks the
// REST mapper for the kind at each event, which costs more than the rest of it.
func ownersOf(kind string) handler.EventHandler {
	group := apiVersions[kind].Group
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, cert client.Object) []ctrl.Request {
		var requests []ctrl.Request
		for _, ref := range cert.GetOwnerReferences() {
			if gv, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && ref.Kind == kind && gv.Group == group {
				requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: cert.GetNamespace(), Name: ref.Name}})
			}
		}
		return requests
	})
}

func hasCertificate(cert *v1alpha1.ApisixCertificate) bool {
	return meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionIssued)
}
