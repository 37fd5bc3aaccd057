// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

const (
	// Recheck is how often an issuer is checked if nothing changes.
	Recheck = time.Minute
	// crowded is the retry delay of an issuer whose namespace has reached its limit of concurrent checks.
	crowded = 5 * time.Second
)

// Setup builds the controllers of both kinds of issuers. secrets, if not nil, delivers changes of all Secrets.
func Setup(ctx context.Context, mgr ctrl.Manager, sessions *Sessions, secrets func(handler.EventHandler) source.Source) error {
	for kind, newObject := range map[string]func() object{
		v1alpha1.KindVaultIssuer:        func() object { return &v1alpha1.VaultIssuer{} },
		v1alpha1.KindClusterVaultIssuer: func() object { return &v1alpha1.ClusterVaultIssuer{} },
	} {
		r := &reconciler{mgr.GetClient(), mgr.GetEventRecorder("apisix-certs"), sessions, kind, newObject}
		if err := mgr.GetFieldIndexer().IndexField(ctx, newObject(), indexSecret, r.secretKeys); err != nil {
			return fmt.Errorf("index %ss by Secret: %w", kind, err)
		}
		b := ctrl.NewControllerManagedBy(mgr).Named(kind).WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
			For(newObject(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
			WatchesRawSource(sessions.soonOf(kind))
		if secrets != nil {
			b = b.WatchesRawSource(secrets(handler.EnqueueRequestsFromMapFunc(r.ofSecret)))
		}
		if err := b.Complete(sessions.Shard.Only(r)); err != nil {
			return err
		}
	}
	return nil
}

// Reconcile checks one issuer, and writes its status if that has changed.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	issuer := r.newObject()
	if err := r.Get(ctx, req.NamespacedName, issuer); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.sessions.Forget(Key{r.kind, req.Namespace, req.Name})
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !r.sessions.checks.take(req.Namespace) {
		return ctrl.Result{RequeueAfter: crowded}, nil
	}
	defer r.sessions.checks.leave(req.Namespace)
	before := issuer.DeepCopyObject().(object)
	vaultStatus, err := r.sessions.check(ctx, issuer)
	r.report(issuer, vaultStatus, err)
	if equality.Semantic.DeepEqual(before.IssuerStatus(), issuer.IssuerStatus()) {
		return ctrl.Result{RequeueAfter: Recheck}, nil
	}
	if err := r.Status().Patch(ctx, issuer, client.MergeFrom(before)); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(fmt.Errorf("status: %w", err))
	}
	if err != nil { // only when it has changed, not at each check
		ctrl.LoggerFrom(ctx).Error(err, "issuer is not ready")
	}
	r.recordEvents(issuer, before)
	return ctrl.Result{RequeueAfter: Recheck}, nil
}

// indexSecret indexes issuers by the Secrets that they refer to, as NAMESPACE/NAME.
const indexSecret = "credentials"

func (r *reconciler) secretKeys(o client.Object) []string {
	issuer := o.(object)
	namespace := issuer.GetNamespace()
	if namespace == "" {
		namespace = r.sessions.ClusterResourceNamespace
	}
	var keys []string
	for _, name := range secretNames(issuer.IssuerSpec()) {
		keys = append(keys, namespace+"/"+name)
	}
	return keys
}

// secretNames returns the Secrets that an issuer refers to.
func secretNames(spec *v1alpha1.VaultIssuerSpec) []string {
	refs := []*v1alpha1.SecretKeySelector{spec.CABundleSecretRef, spec.ClientCertSecretRef, spec.ClientKeySecretRef, spec.Auth.TokenSecretRef}
	if auth := spec.Auth.AppRole; auth != nil {
		refs = append(refs, &auth.SecretRef)
	}
	if auth := spec.Auth.Kubernetes; auth != nil {
		refs = append(refs, auth.SecretRef)
	}
	if auth := spec.Auth.JWT; auth != nil {
		refs = append(refs, auth.SecretRef)
	}
	var names []string
	if auth := spec.Auth.ClientCertificate; auth != nil && auth.SecretName != "" {
		names = append(names, auth.SecretName)
	}
	for _, ref := range refs {
		if ref != nil {
			names = append(names, ref.Name)
		}
	}
	return names
}

// ofSecret returns the issuers that refer to a Secret.
func (r *reconciler) ofSecret(ctx context.Context, secret client.Object) []ctrl.Request {
	key := client.MatchingFields{indexSecret: secret.GetNamespace() + "/" + secret.GetName()}
	var requests []ctrl.Request
	add := func(o client.Object) {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(o)})
	}
	var err error
	if r.kind == v1alpha1.KindVaultIssuer {
		var list v1alpha1.VaultIssuerList
		err = r.List(ctx, &list, key)
		for i := range list.Items {
			add(&list.Items[i])
		}
	} else {
		var list v1alpha1.ClusterVaultIssuerList
		err = r.List(ctx, &list, key)
		for i := range list.Items {
			add(&list.Items[i])
		}
	}
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list issuers by Secret", "kind", r.kind)
	}
	return requests
}
