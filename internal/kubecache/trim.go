// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Trim is a cache transform that removes unused fields: managed fields, the last-applied annotation of kubectl, and the
// status of Ingresses and ApisixTlses. Such objects must be written with a patch, so that removed fields are preserved.
func Trim(object any) (any, error) {
	o, ok := object.(client.Object)
	if !ok { // a cache's tombstone of an object whose deletion it missed
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
