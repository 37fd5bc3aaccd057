// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Claim records what a certificate requests, and returns the certificates that wait for what it released. A deleted one
// releases everything to others in its namespace.
func (r *Reviewer) Claim(cert *v1alpha1.ApisixCertificate) []types.NamespacedName {
	return r.Claims.Set(r.claimants.of(cert))
}

// ClaimEvents returns a handler that keeps the claims up to date and enqueues the certificates that wait for what another
// one releases. All certificates are known before the first run, because a controller starts its workers after its handlers
// have seen the initial list.
func (r *Reviewer) ClaimEvents() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]
	add := func(q queue, keys []types.NamespacedName) {
		for _, key := range keys {
			q.Add(ctrl.Request{NamespacedName: key})
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			add(q, r.Claims.Set(r.claimants.of(e.Object.(*v1alpha1.ApisixCertificate))))
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
			if was.UID != is.UID {
				add(q, r.drop(was.UID))
			}
			if was.Generation != is.Generation || was.DeletionTimestamp.IsZero() != is.DeletionTimestamp.IsZero() ||
				was.UID != is.UID || !slices.Equal(was.Status.OwnedNames, is.Status.OwnedNames) {
				add(q, r.Claims.Set(r.claimants.of(is)))
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { add(q, r.drop(e.Object.GetUID())) },
	}
}

func (r *Reviewer) drop(uid types.UID) []types.NamespacedName {
	r.claimants.forget(uid)
	return r.Claims.Delete(uid)
}
