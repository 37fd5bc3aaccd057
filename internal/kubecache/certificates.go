// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Certificates returns a function that lists all ApisixCertificates of a cache, until ctx is done. The objects are those of
// the cache and must not be changed.
func Certificates(ctx context.Context, cache client.Reader) func() []*v1alpha1.ApisixCertificate {
	return func() []*v1alpha1.ApisixCertificate {
		var list v1alpha1.ApisixCertificateList
		if err := cache.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "cannot list ApisixCertificates in the cache")
			return nil
		}
		all := make([]*v1alpha1.ApisixCertificate, len(list.Items))
		for i := range list.Items {
			all[i] = &list.Items[i]
		}
		return all
	}
}
