// SPDX-License-Identifier: Apache-2.0

package gatewayapi

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ReadGateway reads a Gateway. It returns nil if the Gateway does not exist, or its CRD is not installed.
func ReadGateway(ctx context.Context, c client.Reader, key types.NamespacedName) (*Gateway, error) {
	u, ok := NewGateway().(*unstructured.Unstructured)
	if !ok || key.Name == "" {
		return nil, nil
	}
	err := c.Get(ctx, key, u)
	if meta.IsNoMatchError(err) || client.IgnoreNotFound(err) == nil && err != nil {
		return nil, nil
	}
	gw := GatewayOf(u)
	return &gw, err
}

// Allowed reads a Gateway and reports whether ListenerSets of a namespace may add listeners to it (spec.allowedListeners).
// It returns nil and false if the Gateway does not exist. A namespace that does not exist has no labels.
func Allowed(ctx context.Context, c client.Reader, key types.NamespacedName, namespace string) (*Gateway, bool, error) {
	gw, err := ReadGateway(ctx, c, key)
	if err != nil || gw == nil {
		return nil, false, err
	}
	object := &metav1.PartialObjectMetadata{}
	if gw.SelectsByLabels() {
		object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
		if err := c.Get(ctx, client.ObjectKey{Name: namespace}, object); client.IgnoreNotFound(err) != nil {
			return gw, false, err
		}
	}
	return gw, gw.Allows(key.Namespace, namespace, object.Labels), nil
}
