// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

const (
	// overduePause is how often drift looks for deadlines that were missed.
	overduePause = 10 * time.Second
	// overdueGrace is how late a deadline may be noticed: the queue's own timer comes first.
	overdueGrace = 15 * time.Second
)

// enqueueOverdue looks at the clock for all certificates. The queue counts the time that passes, and a clock that was set,
// or a machine that slept, brings deadlines nearer without it.
func (d *drift) enqueueOverdue(ctx context.Context) {
	all, err := d.certificates(ctx)
	if err != nil {
		return // the cache is closing
	}
	count := 0
	for _, c := range all {
		if overdue(c, d.Clock.Now()) {
			count++
			d.enqueue(ctx, c)
		}
	}
	if count > 0 {
		ctrl.LoggerFrom(ctx).V(1).Info("deadlines have passed unnoticed", "certificates", count)
	}
}

// overdue tells whether the status says of a certificate what the clock says otherwise of.
func overdue(c *v1alpha1.ApisixCertificate, now time.Time) bool {
	issued := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionIssued)
	if issued == nil || issued.Status != metav1.ConditionTrue {
		return false
	}
	past := func(t *metav1.Time) bool { return t != nil && !now.Before(t.Add(overdueGrace)) }
	begins := c.Status.Issued.NotBefore
	return past(c.Status.Issued.NotAfter) || issued.Reason == v1alpha1.ReasonIssued && past(c.Status.RenewalTime) ||
		begins != nil && begins.After(now.Add(certs.ClockSkew))
}
