// SPDX-License-Identifier: Apache-2.0

package triggers

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// IssuerEvents maps an issuer whose CA, CRL or role has changed, given by kind, namespace and name, to the certificates that must
// be reissued or whose status changes. Other certificates are not enqueued.
func (t *Triggers) IssuerEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []ctrl.Request {
		key := object.GetObjectKind().GroupVersionKind().Kind + "/" + object.GetNamespace() + "/" + object.GetName()
		var list v1alpha1.ApisixCertificateList
		if err := t.Reader.List(ctx, &list, client.MatchingFields{indexIssuer: key}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "cannot list the ApisixCertificates of an issuer")
			return nil
		}
		var requests []ctrl.Request
		for i := range list.Items {
			if t.AffectedByIssuer(ctx, &list.Items[i]) {
				requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			}
		}
		return requests
	})
}

// IssuerChange returns the object of an event for IssuerEvents.
func IssuerChange(key issuer.Key) client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.Kind, object.Namespace, object.Name = key.Kind, key.Namespace, key.Name
	return object
}
