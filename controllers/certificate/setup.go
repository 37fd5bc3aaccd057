// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/fairqueue"
)

// Setup builds the controller. Certificates that come by drifted are looked at. The returned controller takes further watches.
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, options controller.Options, drifted <-chan event.GenericEvent) (controller.Controller, error) {
	for index, keys := range map[string]client.IndexerFunc{indexToken: tokenKeys, indexAway: awayKeys, indexIssuer: issuerKeys, indexPassword: passwordKeys} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ApisixCertificate{}, index, keys); err != nil {
			return nil, fmt.Errorf("index of ApisixCertificates by %s: %w", index, err)
		}
	}
	options.NewQueue = fairqueue.New(options.MaxConcurrentReconciles, r.urgency)
	return ctrl.NewControllerManagedBy(mgr).Named("certificate").WithOptions(options).
		For(&v1alpha1.ApisixCertificate{}, builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, deletionMarked(), approvalChanged()))).
		Watches(&v1alpha1.ApisixCertificate{}, r.Reviewer.ClaimEvents()).
		Watches(&v1alpha1.CertificatePolicy{}, r.PolicyEvents(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.Namespace{}, r.NamespaceEvents(), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Secret{}, r.ofSecrets(func(secret client.Object) []string {
			return []string{secret.GetNamespace() + "/" + secret.GetName()}
		}), builder.WithPredicates(Later())).
		Watches(&v1alpha1.VaultIssuer{}, r.mapTo(issuerKey(v1alpha1.KindVaultIssuer)), builder.WithPredicates(readyChanged())).
		Watches(&v1alpha1.ClusterVaultIssuer{}, r.mapTo(issuerKey(v1alpha1.KindClusterVaultIssuer)), builder.WithPredicates(readyChanged())).
		WatchesRawSource(ctrlsource.Channel(drifted, &handler.EnqueueRequestForObject{})).
		WatchesRawSource(ctrlsource.Channel(r.Wakeups(), &handler.EnqueueRequestForObject{})).
		Build(r)
}
