// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Ranks of what waits for a worker, the least urgent first. Within each, what ends first goes first.
const (
	rankUnchanged = iota // the first look after a start, or a resync
	rankChanged
	rankDue     // the renewal time has come
	rankMissing // there is no certificate yet
)

// urgentQueue orders the queue: whatever makes a certificate wait for a worker, the urgent one is next.
type urgentQueue struct {
	priorityqueue.PriorityQueue[ctrl.Request]
	reader client.Reader // the cache
	clock  clock.PassiveClock
}

func (r *Reconciler) newQueue(name string, limiter workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
	return &urgentQueue{
		priorityqueue.New(name, func(o *priorityqueue.Opts[ctrl.Request]) { o.RateLimiter = limiter }), r.Client, r.Clock,
	}
}

func (q *urgentQueue) Add(item ctrl.Request) { q.AddWithOpts(priorityqueue.AddOpts{}, item) }

func (q *urgentQueue) AddAfter(item ctrl.Request, after time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: after}, item)
}

func (q *urgentQueue) AddRateLimited(item ctrl.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{RateLimited: true}, item)
}

func (q *urgentQueue) AddWithOpts(o priorityqueue.AddOpts, items ...ctrl.Request) {
	// Below zero is what the handlers give to what has not changed. What was urgent once comes back with that priority.
	unchanged := o.Priority != nil && *o.Priority < 0
	for _, item := range items {
		cert := &v1alpha1.ApisixCertificate{}
		if q.reader.Get(context.Background(), item.NamespacedName, cert, client.DisableReadYourWritesConsistency) != nil {
			cert = nil // gone, or too new: nothing is known of it
		}
		o.Priority = ptr.To(priority(cert, unchanged, q.clock.Now().Add(o.After)))
		q.PriorityQueue.AddWithOpts(o, item)
	}
}

// priority is the higher the more urgent a certificate is, nil being one that is not known.
func priority(cert *v1alpha1.ApisixCertificate, unchanged bool, at time.Time) int {
	if cert == nil {
		return ranked(rankChanged, time.Time{})
	}
	status := &cert.Status
	switch {
	case status.Issued.NotAfter == nil && cert.DeletionTimestamp == nil:
		return ranked(rankMissing, cert.CreationTimestamp.Time)
	case status.Issued.NotAfter == nil:
		return ranked(rankChanged, time.Time{})
	case status.RenewalTime != nil && !at.Before(status.RenewalTime.Time):
		return ranked(rankDue, status.Issued.NotAfter.Time)
	case unchanged:
		return ranked(rankUnchanged, status.Issued.NotAfter.Time)
	}
	return ranked(rankChanged, status.Issued.NotAfter.Time)
}

// ranked is a priority within a rank, from handler.LowPriority on upwards.
func ranked(rank int, before time.Time) int {
	const seconds = 1 << 40 // more than a time stamp has
	within := int64(0)
	if !before.IsZero() {
		within = before.Unix()
	}
	return handler.LowPriority + int(int64(rank+1)*seconds-within)
}
