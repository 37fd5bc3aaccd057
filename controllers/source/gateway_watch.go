// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// indexParent indexes ListenerSets by their Gateway, as NAMESPACE/NAME.
const indexParent = "parentGateway"

func parentKeys(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return []string{gatewayapi.ListenerSetOf(u, nil).Parent.String()}
}

// around reads the other objects that a source depends on.
func (r *reconciler) around(ctx context.Context, object client.Object) (surroundings, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != kindListenerSet {
		return surroundings{}, nil
	}
	key := gatewayapi.ListenerSetOf(u, nil).Parent
	if !r.mayRead(key.Namespace) {
		return surroundings{}, nil
	}
	parent, allowed, err := gatewayapi.Allowed(ctx, r, key, u.GetNamespace())
	return surroundings{parent: parent, allowed: allowed}, err
}

// followParents enqueues ListenerSets when their Gateway changes, or the namespace labels by which it allows them.
func (c *Controller) followParents(kind Kind) error {
	ofGateway := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, gw client.Object) []ctrl.Request {
		return kind.listed(ctx, c.mgr.GetClient(), client.MatchingFields{indexParent: client.ObjectKeyFromObject(gw).String()})
	})
	if err := c.controller.Watch(ctrlsource.Kind(c.mgr.GetCache(), gatewayapi.NewGateway(), ofGateway, predicate.GenerationChangedPredicate{})); err != nil {
		return err
	}
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	ofNamespace := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, namespace client.Object) []ctrl.Request {
		return kind.listed(ctx, c.mgr.GetClient(), client.InNamespace(namespace.GetName()))
	})
	relabeled := predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false }, DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: predicate.LabelChangedPredicate{}.Update,
	}
	return c.controller.Watch(ctrlsource.Kind[client.Object](c.mgr.GetCache(), namespace, ofNamespace, relabeled))
}

// listed returns the requests of listed objects of the kind.
func (k Kind) listed(ctx context.Context, c client.Reader, which client.ListOption) []ctrl.Request {
	list := k.newList()
	if err := c.List(ctx, list, which); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list sources", "kind", k.Kind)
		return nil
	}
	var requests []ctrl.Request
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		if object, ok := item.(client.Object); ok {
			requests = append(requests, k.requests(ctx, object)...)
		}
		return nil
	})
	return requests
}
