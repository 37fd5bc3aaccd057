// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/fairqueue"
)

// Urgency returns the queue class of a certificate, and its expiry in Unix seconds where that orders the class. A
// certificate that is not in the cache counts as changed.
func (r *Reconciler) Urgency(item ctrl.Request, unchanged bool) (fairqueue.Class, int64) {
	cert := &v1alpha1.ApisixCertificate{}
	if r.Get(context.Background(), item.NamespacedName, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency) != nil {
		return fairqueue.Changed, 0
	}
	return urgencyOf(cert, unchanged, r.Clock.Now())
}

// urgencyOf is Urgency for a certificate. It is expiring once half of the time between renewal and expiry has passed.
func urgencyOf(cert *v1alpha1.ApisixCertificate, unchanged bool, now time.Time) (of fairqueue.Class, ends int64) {
	renewal, end := timeOf(cert.Status.RenewalTime), timeOf(cert.Status.Issued.NotAfter)
	switch {
	case end.IsZero() && cert.DeletionTimestamp == nil:
		return fairqueue.Due, 0
	case !end.IsZero() && (!now.Before(end) || !renewal.IsZero() && !now.Before(renewal.Add(end.Sub(renewal)/2))):
		return fairqueue.Expiring, end.Unix()
	case !renewal.IsZero() && !now.Before(renewal):
		return fairqueue.Due, 0
	case unchanged:
		return fairqueue.Unchanged, 0
	}
	return fairqueue.Changed, 0
}
