// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/shard"
)

// Controller creates the ApisixCertificates of sources, of the kinds passed to Follow.
type Controller struct {
	reconciler *reconciler
	controller controller.Controller
	mgr        ctrl.Manager
}

// Setup builds the controller. It does not watch any kind yet.
func Setup(ctx context.Context, mgr ctrl.Manager, defaults Defaults, part *shard.Shard) (*Controller, error) {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ApisixCertificate{}, indexGroup, groupKeys); err != nil {
		return nil, fmt.Errorf("index ApisixCertificates by the Secret of their sources: %w", err)
	}
	r := &reconciler{
		Client: mgr.GetClient(), recorder: mgr.GetEventRecorder("apisix-certs"), clock: clock.RealClock{}, defaults: defaults,
		kinds: map[string]Kind{}, mayRead: part.MayRead,
	}
	c, err := ctrl.NewControllerManagedBy(mgr).Named("source").WithOptions(controller.Options{MaxConcurrentReconciles: 8}).
		Watches(&v1alpha1.ApisixCertificate{}, handler.EnqueueRequestsFromMapFunc(groupRequests), builder.WithPredicates(concerns(ofRoutes))).
		Build(part.Only(r))
	return &Controller{r, c, mgr}, err
}

// Follow starts to watch the objects of a kind. The cluster must have its CRD.
func (c *Controller) Follow(ctx context.Context, kind Kind) error {
	indexer := c.mgr.GetFieldIndexer()
	if err := indexer.IndexField(ctx, kind.newObject(), indexSecret, kind.secrets); err != nil {
		return fmt.Errorf("index by Secret: %w", err)
	}
	switch kind.Kind {
	case kindTLS:
		if err := indexer.IndexField(ctx, kind.newObject(), indexClientCA, clientCAs); err != nil {
			return fmt.Errorf("index by the CA of clients: %w", err)
		}
	case kindRoute:
		if err := indexer.IndexField(ctx, kind.newObject(), indexRouteHost, routeHostKeys); err != nil {
			return fmt.Errorf("index by host: %w", err)
		}
	case kindListenerSet:
		if err := indexer.IndexField(ctx, kind.newObject(), indexParent, parentKeys); err != nil {
			return fmt.Errorf("index by Gateway: %w", err)
		}
	}
	c.reconciler.follow(kind)
	err := c.controller.Watch(ctrlsource.Kind(c.mgr.GetCache(), kind.newObject(), handler.EnqueueRequestsFromMapFunc(kind.requests), sourceChanged()))
	if err != nil {
		return err
	}
	switch kind.Kind {
	case kindListenerSet:
		return c.followParents(kind)
	case kindRoute:
	default:
		return nil
	}
	yielding := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, cert client.Object) []ctrl.Request {
		return routesOfHosts(ctx, c.mgr.GetClient(), cert)
	})
	return c.controller.Watch(ctrlsource.Kind[client.Object](c.mgr.GetCache(), &v1alpha1.ApisixCertificate{}, yielding, concerns(all)))
}

func (r *reconciler) follow(kind Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds[kind.Kind] = kind
}

// requests returns the requests for the Secrets that an object names, and for the object itself. For an update they are made for
// the old and the new object.
func (k Kind) requests(_ context.Context, object client.Object) []ctrl.Request {
	requests := []ctrl.Request{sourceRequest(k.Kind, client.ObjectKeyFromObject(object))}
	for _, key := range k.secrets(object) {
		namespace, name, _ := strings.Cut(key, "/")
		requests = append(requests, group{object.GetNamespace(), types.NamespacedName{Namespace: namespace, Name: name}}.request())
	}
	return requests
}

func groupRequests(_ context.Context, object client.Object) []ctrl.Request {
	cert, ok := object.(*v1alpha1.ApisixCertificate)
	if !ok {
		return nil
	}
	return []ctrl.Request{groupOfCertificate(cert).request()}
}

// sourceChanged ignores changes of the status only.
func sourceChanged() predicate.Predicate {
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
}

// concerns selects changes of ApisixCertificates that affect sources. It ignores changes of the status only, except for
// conflicts, and, if followed reports true, the first certificate.
func concerns(followed func(*v1alpha1.ApisixCertificate) bool) predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
		return was.Generation != is.Generation || was.DeletionTimestamp.IsZero() != is.DeletionTimestamp.IsZero() ||
			!maps.Equal(steady(was), steady(is)) || !equality.Semantic.DeepEqual(was.OwnerReferences, is.OwnerReferences) ||
			conflictOf(was) != conflictOf(is) || hasCertificate(was) != hasCertificate(is) && followed(is)
	}}
}

// ofRoutes reports whether a certificate belongs to a route, whose ApisixTls is created once it is issued.
func ofRoutes(cert *v1alpha1.ApisixCertificate) bool {
	for _, ref := range cert.OwnerReferences {
		if ref.Kind == kindRoute {
			return true
		}
	}
	return false
}

// all selects all certificates, as each may cover hosts of routes.
func all(*v1alpha1.ApisixCertificate) bool { return true }

// steady returns the annotations without renewal requests, which only concern the certificate.
func steady(cert *v1alpha1.ApisixCertificate) map[string]string {
	if _, ok := cert.Annotations[v1alpha1.AnnotationRenewAt]; !ok {
		return cert.Annotations
	}
	rest := maps.Clone(cert.Annotations)
	delete(rest, v1alpha1.AnnotationRenewAt)
	return rest
}

func hasCertificate(cert *v1alpha1.ApisixCertificate) bool {
	return meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionIssued)
}
