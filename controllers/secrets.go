// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// secretChanges gives a source of changes of all Secrets, of which only names, versions and whether they are ours are kept
// in memory.
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
		managed := secret.Labels[v1alpha1.LabelManaged]
		secret.ObjectMeta = metav1.ObjectMeta{
			Namespace: secret.Namespace, Name: secret.Name, UID: secret.UID, ResourceVersion: secret.ResourceVersion,
		}
		if managed != "" {
			secret.Labels = map[string]string{v1alpha1.LabelManaged: managed}
		}
	}
	return object, nil
}

// foreignSecret is the key of a Secret that the controller does not have in its cache: one in the way of a certificate
// may go, or be given to it. The others are watched there.
func foreignSecret(secret client.Object) []string {
	if secret.GetLabels()[v1alpha1.LabelManaged] == "true" {
		return nil
	}
	return []string{secret.GetNamespace() + "/" + secret.GetName()}
}
