// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/apisix"
)

// secretChanges gives a source of changes of all Secrets, of which only names and versions are kept in memory.
func secretChanges(mgr ctrl.Manager) (func(handler.EventHandler) ctrlsource.Source, error) {
	names, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient(), DefaultTransform: nameOnly,
	})
	if err != nil {
		return nil, fmt.Errorf("cache of Secret names: %w", err)
	}
	if err := mgr.Add(names); err != nil {
		return nil, err
	}
	return func(h handler.EventHandler) ctrlsource.Source {
		secret := &metav1.PartialObjectMetadata{}
		secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		return ctrlsource.Kind[client.Object](names, secret, h)
	}, nil
}

func nameOnly(object any) (any, error) {
	if secret, ok := object.(*metav1.PartialObjectMetadata); ok {
		secret.ObjectMeta = metav1.ObjectMeta{
			Namespace: secret.Namespace, Name: secret.Name, UID: secret.UID, ResourceVersion: secret.ResourceVersion,
		}
	}
	return object, nil
}

// secretKey is an admin key in a Secret, followed by a watch of that Secret alone. ref is NAMESPACE/NAME or
// NAMESPACE/NAME:KEY; without a key it is "admin", as in the chart of APISIX.
func secretKey(mgr ctrl.Manager, ref string) (apisix.KeySource, error) {
	object, key, ok := strings.Cut(ref, ":")
	if !ok {
		key = "admin"
	}
	namespace, name, _ := strings.Cut(object, "/")
	one, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient(),
		ByObject: map[client.Object]cache.ByObject{&corev1.Secret{}: {
			Namespaces: map[string]cache.Config{namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", name)}},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("cache of the admin key's Secret: %w", err)
	}
	if err := mgr.Add(one); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		secret := &corev1.Secret{}
		if err := one.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
			return "", fmt.Errorf("admin key: %w", err)
		}
		value := strings.TrimSpace(string(secret.Data[key]))
		if value == "" {
			return "", fmt.Errorf("admin key: Secret %s has nothing under key %s", object, key)
		}
		return value, nil
	}, nil
}
