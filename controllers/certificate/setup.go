// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Indexes of ApisixCertificates.
const (
	indexAway     = "secretAway"  // namespace of a Secret that is in another one than the certificate
	indexToken    = "tokenSecret" // NAMESPACE/NAME of spec.vaultKV.tokenSecretRef
	indexPassword = "password"    // NAMESPACE/NAME of a Secret with the password of a keystore
	indexIssuer   = "issuerRef"   // KIND/NAMESPACE/NAME, the namespace empty for a ClusterVaultIssuer
)

// Setup builds the controller. The returned controller takes further watches, see WatchUses.
func (r *Reconciler) Setup(ctx context.Context, mgr ctrl.Manager, options controller.Options) (controller.Controller, error) {
	for index, keys := range map[string]client.IndexerFunc{indexToken: tokenKeys, indexAway: awayKeys, indexIssuer: issuerKeys, indexPassword: passwordKeys} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ApisixCertificate{}, index, keys); err != nil {
			return nil, fmt.Errorf("index of ApisixCertificates by %s: %w", index, err)
		}
	}
	options.NewQueue = r.newQueue(options.MaxConcurrentReconciles)
	watch := newDrift(r)
	if err := mgr.Add(watch); err != nil {
		return nil, err
	}
	return ctrl.NewControllerManagedBy(mgr).Named("certificate").WithOptions(options).
		For(&v1alpha1.ApisixCertificate{}, builder.WithPredicates(predicate.Or[client.Object](
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, deletionMarked(), approvalChanged()))).
		Watches(&v1alpha1.ApisixCertificate{}, r.claimEvents()).
		Watches(&v1alpha1.CertificatePolicy{}, r.PolicyEvents(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(&corev1.Namespace{}, r.NamespaceEvents(), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Secret{}, r.ofSecrets(func(secret client.Object) []string {
			return []string{secret.GetNamespace() + "/" + secret.GetName()}
		}), builder.WithPredicates(Later())).
		Watches(&v1alpha1.VaultIssuer{}, r.mapTo(issuerKey(v1alpha1.KindVaultIssuer)), builder.WithPredicates(readyChanged())).
		Watches(&v1alpha1.ClusterVaultIssuer{}, r.mapTo(issuerKey(v1alpha1.KindClusterVaultIssuer)), builder.WithPredicates(readyChanged())).
		WatchesRawSource(ctrlsource.Channel(r.wakeups(), &handler.EnqueueRequestForObject{})).
		WatchesRawSource(ctrlsource.Channel(watch.found, &handler.EnqueueRequestForObject{})).
		Build(r)
}

// Later passes everything but the objects that are there when a watch begins. Those of the controller's own watches bring
// nothing new: all certificates are enqueued when it begins to work, and no sooner than all of them are known.
func Later() predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }}
}

// SecretEvents maps an object that refers to Secrets, such as an ApisixTls, to the certificates of those Secrets.
func (r *Reconciler) SecretEvents(secrets client.IndexerFunc) handler.EventHandler {
	return r.ofSecrets(secrets)
}

// TokenEvents maps a Secret to the certificates whose gateways read with the token in it.
func (r *Reconciler) TokenEvents() handler.EventHandler {
	return r.mapTo(func(secret client.Object) map[string][]string {
		return map[string][]string{indexToken: {secret.GetNamespace() + "/" + secret.GetName()}}
	})
}

// ofSecrets enqueues the certificates of the Secrets, NAMESPACE/NAME, that an object refers to.
func (r *Reconciler) ofSecrets(secrets client.IndexerFunc) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []ctrl.Request {
		var requests []ctrl.Request
		for _, secret := range secrets(object) {
			namespace, name, _ := strings.Cut(secret, "/")
			for _, cert := range r.Claims.OfSecret(types.NamespacedName{Namespace: namespace, Name: name}) {
				requests = append(requests, ctrl.Request{NamespacedName: cert})
			}
		}
		return requests
	})
}

// wakeups is the source of certificates that a run of another one enqueues.
func (r *Reconciler) wakeups() chan event.GenericEvent {
	r.woken = make(chan event.GenericEvent, 64)
	return r.woken
}

func (r *Reconciler) enqueue(ctx context.Context, keys []types.NamespacedName) {
	for _, key := range keys {
		object := &v1alpha1.ApisixCertificate{}
		object.Namespace, object.Name = key.Namespace, key.Name
		select {
		case r.woken <- event.GenericEvent{Object: object}:
		case <-ctx.Done():
		}
	}
}

// PasswordEvents maps a Secret to the certificates whose keystores are encrypted with a password in it.
func (r *Reconciler) PasswordEvents() handler.EventHandler {
	return r.mapTo(func(secret client.Object) map[string][]string {
		return map[string][]string{indexPassword: {secret.GetNamespace() + "/" + secret.GetName()}}
	})
}

// mapTo enqueues the certificates that are found under the keys of an object.
func (r *Reconciler) mapTo(keys func(client.Object) map[string][]string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []ctrl.Request {
		var requests []ctrl.Request
		for index, values := range keys(object) {
			for _, value := range values {
				var list v1alpha1.ApisixCertificateList
				if err := r.List(ctx, &list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
					ctrl.LoggerFrom(ctx).Error(err, "cannot list ApisixCertificates", "index", index)
					continue
				}
				for i := range list.Items {
					if list.Items[i].UID != object.GetUID() {
						requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
					}
				}
			}
		}
		return requests
	})
}

func tokenKeys(object client.Object) []string {
	kv := object.(*v1alpha1.ApisixCertificate).Spec.VaultKV
	if kv == nil {
		return nil
	}
	return []string{object.GetNamespace() + "/" + kv.TokenSecretRef.Name}
}

func issuerKeys(object client.Object) []string {
	spec := object.(*v1alpha1.ApisixCertificate).Spec
	if spec.Push {
		return nil
	}
	ref := spec.IssuerRef.WithKind()
	if ref.ClusterWide() {
		return []string{ref.Kind + "//" + ref.Name}
	}
	return []string{ref.QualifiedKind() + "/" + object.GetNamespace() + "/" + ref.Name}
}

// ForeignEvents maps issuers of cert-manager of a kind to the certificates that name them.
func (r *Reconciler) ForeignEvents(kind string) handler.EventHandler { return r.mapTo(issuerKey(kind)) }

func issuerKey(kind string) func(client.Object) map[string][]string {
	return func(issuer client.Object) map[string][]string {
		return map[string][]string{indexIssuer: {kind + "/" + issuer.GetNamespace() + "/" + issuer.GetName()}}
	}
}

// readyChanged passes issuers that appear, change their spec, or become ready: what may unblock a certificate.
func readyChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || !ready(e.ObjectOld) && ready(e.ObjectNew)
		},
	}
}

func ready(object client.Object) bool {
	for _, c := range object.(v1alpha1.Issuer).IssuerStatus().Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Status == metav1.ConditionTrue
		}
	}
	return false
}

// deletionMarked passes the update that sets the deletion time stamp: it changes no generation of its own.
func deletionMarked() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

// approvalChanged passes certificates that somebody has approved or denied.
func approvalChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
			return !equality.Semantic.DeepEqual(was.Status.Approval, is.Status.Approval)
		},
	}
}
