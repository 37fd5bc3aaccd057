// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Trim is a cache's transform that drops what nothing here reads: managed fields, what kubectl applied last, and the status of
// Ingresses and ApisixTlses. Whoever writes such an object patches it, so that what was dropped stays.
func Trim(object any) (any, error) {
	o, ok := object.(client.Object)
	if !ok { // what a cache has for an object whose deletion it missed
		return object, nil
	}
	o.SetManagedFields(nil)
	if annotations := o.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		o.SetAnnotations(annotations)
	}
	switch o := object.(type) {
	case *configv2.ApisixTls:
		o.Status = configv2.ApisixStatus{}
	case *networkingv1.Ingress:
		o.Status = networkingv1.IngressStatus{}
	}
	return object, nil
}
