// SPDX-License-Identifier: Apache-2.0

package triggers

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// SecretEvents maps an object that refers to Secrets, such as an ApisixTls, to the certificates of those Secrets.
func (t *Triggers) SecretEvents(secrets client.IndexerFunc) handler.EventHandler {
	return t.ofSecrets(secrets)
}

// TokenEvents maps a Secret to the certificates whose gateways read from Vault with the token in it.
func (t *Triggers) TokenEvents() handler.EventHandler {
	return t.mapTo(func(secret client.Object) map[string][]string {
		return map[string][]string{indexToken: {secret.GetNamespace() + "/" + secret.GetName()}}
	})
}

// ofSecrets enqueues the certificates of the Secrets, NAMESPACE/NAME, that an object refers to.
func (t *Triggers) ofSecrets(secrets client.IndexerFunc) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []ctrl.Request {
		var requests []ctrl.Request
		for _, secret := range secrets(object) {
			namespace, name, _ := strings.Cut(secret, "/")
			for _, cert := range t.Claims.OfSecret(types.NamespacedName{Namespace: namespace, Name: name}) {
				requests = append(requests, ctrl.Request{NamespacedName: cert})
			}
		}
		return requests
	})
}

// PasswordEvents maps a Secret to the certificates whose keystores are encrypted with a password in it.
func (t *Triggers) PasswordEvents() handler.EventHandler {
	return t.mapTo(func(secret client.Object) map[string][]string {
		return map[string][]string{indexPassword: {secret.GetNamespace() + "/" + secret.GetName()}}
	})
}

// mapTo enqueues the certificates that the indexes list under the keys of an object.
func (t *Triggers) mapTo(keys func(client.Object) map[string][]string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []ctrl.Request {
		var requests []ctrl.Request
		for index, values := range keys(object) {
			for _, value := range values {
				var list v1alpha1.ApisixCertificateList
				if err := t.Reader.List(ctx, &list, client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
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

// CertManagerIssuerEvents maps cert-manager issuers of a kind to the certificates that name them.
func (t *Triggers) CertManagerIssuerEvents(kind string) handler.EventHandler {
	return t.mapTo(issuerKey(kind))
}

func issuerKey(kind string) func(client.Object) map[string][]string {
	return func(issuer client.Object) map[string][]string {
		return map[string][]string{indexIssuer: {kind + "/" + issuer.GetNamespace() + "/" + issuer.GetName()}}
	}
}

// PolicyEvents enqueues all certificates, as creating or deleting a policy also affects those that it does not select.
func (t *Triggers) PolicyEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []ctrl.Request { return t.all(ctx) })
}

// NamespaceEvents enqueues the certificates of a namespace.
func (t *Triggers) NamespaceEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, namespace client.Object) []ctrl.Request {
		if !t.Shard.MayRead(namespace.GetName()) {
			return nil
		}
		return t.all(ctx, client.InNamespace(namespace.GetName()))
	})
}

// GrantEvents enqueues the certificates that a ReferenceGrant may affect, which have a Secret in its namespace.
func (t *Triggers) GrantEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, grant client.Object) []ctrl.Request {
		return append(t.all(ctx, client.InNamespace(grant.GetNamespace())), t.all(ctx, client.MatchingFields{indexAway: grant.GetNamespace()})...)
	})
}

func (t *Triggers) all(ctx context.Context, which ...client.ListOption) []ctrl.Request {
	var list v1alpha1.ApisixCertificateList
	if err := t.Reader.List(ctx, &list, append(which, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list ApisixCertificates")
		return nil
	}
	requests := make([]ctrl.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}
