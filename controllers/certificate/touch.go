// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// touchApisixTlses sets an annotation on the ApisixTlses that the gateways' results name, so that their ingress controller
// syncs again. A deleted ApisixTls is skipped.
func (r *Reconciler) touchApisixTlses(ctx context.Context, results []gateway.Result) {
	for _, result := range results {
		if result.Touch == nil {
			continue
		}
		use := result.Touch
		log := ctrl.LoggerFrom(ctx).WithValues("gateway", result.Name, "apisixTls", use.Namespace+"/"+use.Name)
		touched := &metav1.PartialObjectMetadata{}
		touched.SetGroupVersionKind(configv2.SchemeGroupVersion.WithKind("ApisixTls"))
		touched.Namespace, touched.Name = use.Namespace, use.Name
		before := touched.DeepCopy()
		touched.Annotations = map[string]string{v1alpha1.AnnotationTouchedAt: r.Clock.Now().UTC().Format(time.RFC3339)}
		if err := r.Patch(ctx, touched, client.MergeFrom(before), tlssecret.FieldOwner); err != nil {
			if client.IgnoreNotFound(err) != nil {
				log.Error(err, "cannot touch the ApisixTls to make its ingress controller sync what the gateway has lost")
			}
			continue
		}
		log.Info("ApisixTls touched to make its ingress controller sync what the gateway has lost")
	}
}
