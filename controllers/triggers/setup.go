// SPDX-License-Identifier: Apache-2.0

// Package triggers defines which events enqueue which ApisixCertificates.
//
//	c, err := t.Setup(ctx, mgr, options, reconciler, woken)
//	c.Watch(source.Kind(cache, &configv2.ApisixTls{}, t.SecretEvents(secretsOf)))
package triggers

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
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/shard"
)

// Triggers map objects to the certificates that depend on them. All fields except Shard are required.
type Triggers struct {
	// Reader is the cache.
	Reader client.Reader
	Claims *authority.Claims
	// ClaimEvents update the claims when certificates change.
	ClaimEvents handler.EventHandler
	// AffectedByIssuer reports whether a change of its issuer affects a certificate.
	AffectedByIssuer func(context.Context, *v1alpha1.ApisixCertificate) bool
	Shard            *shard.Shard
}

// Setup builds the controller of ApisixCertificates. It also reconciles those that are sent to woken. Callers can add watches to
// the returned controller.
func (t *Triggers) Setup(ctx context.Context, mgr ctrl.Manager, options controller.Options, runs reconcile.Reconciler, woken <-chan event.GenericEvent) (controller.Controller, error) {
	for index, keys := range map[string]client.IndexerFunc{indexToken: tokenKeys, indexAway: awayKeys, indexIssuer: issuerKeys, indexPassword: passwordKeys} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ApisixCertificate{}, index, keys); err != nil {
			return nil, fmt.Errorf("index ApisixCertificates by %s: %w", index, err)
		}
	}
	return ctrl.NewControllerManagedBy(mgr).Named("certificate").WithOptions(options).
		For(&v1alpha1.ApisixCertificate{}, builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, deletionMarked(), approvalChanged()))).
		Watches(&v1alpha1.ApisixCertificate{}, t.ClaimEvents).
		Watches(&v1alpha1.CertificatePolicy{}, t.PolicyEvents(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.Namespace{}, t.NamespaceEvents(), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Secret{}, t.ofSecrets(func(secret client.Object) []string {
			return []string{secret.GetNamespace() + "/" + secret.GetName()}
		}), builder.WithPredicates(SkipInitialList())).
		Watches(&v1alpha1.VaultIssuer{}, t.mapTo(issuerKey(v1alpha1.KindVaultIssuer)), builder.WithPredicates(readyChanged())).
		Watches(&v1alpha1.ClusterVaultIssuer{}, t.mapTo(issuerKey(v1alpha1.KindClusterVaultIssuer)), builder.WithPredicates(readyChanged())).
		WatchesRawSource(ctrlsource.Channel(woken, &handler.EnqueueRequestForObject{})).
		Build(runs)
}
