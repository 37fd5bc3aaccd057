// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// certManagerReconciler checks cert-manager issuers of type vault as often as VaultIssuers. It does not write their status, which
// belongs to cert-manager; problems are reported by their certificates.
type certManagerReconciler struct {
	client.Client
	sessions *Sessions
	kind     string
}

// SetupCertManager builds the controller of KindIssuer or KindClusterIssuer, whose CRD must be installed. secrets is as in Setup.
func SetupCertManager(mgr ctrl.Manager, sessions *Sessions, kind string, secrets func(handler.EventHandler) source.Source) error {
	r := &certManagerReconciler{mgr.GetClient(), sessions, kind}
	b := ctrl.NewControllerManagedBy(mgr).Named("cert-manager-"+kind).WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		For(NewCertManagerIssuer(kind), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(sessions.soonOf(kind))
	if secrets != nil {
		b = b.WatchesRawSource(secrets(handler.EnqueueRequestsFromMapFunc(r.ofSecret)))
	}
	return b.Complete(sessions.Shard.Only(r))
}

// Reconcile checks one issuer.
func (r *certManagerReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	key := Key{r.kind, req.Namespace, req.Name}
	u := NewCertManagerIssuer(r.kind)
	if err := r.Get(ctx, req.NamespacedName, u); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.sessions.Forget(key)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	f, err := CertManagerIssuerOf(u)
	if err != nil || !f.Vault() {
		r.sessions.Forget(key)
		return ctrl.Result{}, nil // reported by its certificates
	}
	if !r.sessions.checks.take(req.Namespace) {
		return ctrl.Result{RequeueAfter: crowded}, nil
	}
	defer r.sessions.checks.leave(req.Namespace)
	if _, err := r.sessions.check(ctx, f); err != nil {
		ctrl.LoggerFrom(ctx).Info("issuer is not usable", "problem", readiness(err).Message)
	}
	return ctrl.Result{RequeueAfter: Recheck}, nil
}

// ofSecret returns the issuers that refer to a Secret.
func (r *certManagerReconciler) ofSecret(ctx context.Context, secret client.Object) []ctrl.Request {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(ForeignKind(r.kind + "List"))
	var in []client.ListOption
	switch {
	case r.kind == v1alpha1.KindIssuer:
		in = append(in, client.InNamespace(secret.GetNamespace()))
	case secret.GetNamespace() != cmp.Or(r.sessions.CertManagerNamespace, r.sessions.ClusterResourceNamespace):
		return nil
	}
	if err := r.List(ctx, list, in...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list issuers by Secret", "kind", r.kind)
		return nil
	}
	var requests []ctrl.Request
	for i := range list.Items {
		f, err := CertManagerIssuerOf(&list.Items[i])
		if err == nil && f.Vault() && slices.Contains(secretNames(&f.Spec), secret.GetName()) {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

// FindCertManagerIssuer reads a cert-manager issuer from reader. It returns nil if the issuer does not exist or its kind is not installed.
func FindCertManagerIssuer(ctx context.Context, reader client.Reader, key Key) (*CertManagerIssuer, error) {
	u := NewCertManagerIssuer(key.Kind)
	if err := reader.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, u); err != nil {
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("%s %s: %w", key.Kind, key.Name, err)
	}
	return CertManagerIssuerOf(u)
}
