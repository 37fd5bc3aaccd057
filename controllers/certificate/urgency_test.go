// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// kept are certificates by name, read as from a cache.
type kept map[string]v1alpha1.ApisixCertificateStatus

func (k kept) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	status, ok := k[key.Name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	cert := object.(*v1alpha1.ApisixCertificate)
	cert.Name, cert.Status = key.Name, status
	return nil
}

func (k kept) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// ending is the status of a certificate that is due at one time from now and ends at another.
func ending(due, end time.Duration) v1alpha1.ApisixCertificateStatus {
	return v1alpha1.ApisixCertificateStatus{RenewalTime: ptr.To(metav1.NewTime(now.Add(due))), Issued: v1alpha1.IssuedCertificate{NotAfter: ptr.To(metav1.NewTime(now.Add(end)))}}
}

// TestQueueOrder: what waits for a worker is taken by urgency, however it came into the queue.
func TestQueueOrder(t *testing.T) {
	q := &urgentQueue{
		priorityqueue.New("test", func(o *priorityqueue.Opts[ctrl.Request]) {
			o.RateLimiter = workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](time.Microsecond, time.Microsecond)
		}),
		kept{
			"unchanged": ending(day, 3*day), "unchanged, ends first": ending(day, 2*day), "changed": ending(2*day, 4*day),
			"due": ending(-day, day), "due, ends first": ending(-time.Hour, time.Hour), "due, and looked at after a start": ending(-day, 2*day),
			"missing": {}, "held": {RenewalTime: nil, Issued: v1alpha1.IssuedCertificate{NotAfter: ptr.To(metav1.NewTime(now.Add(10 * day)))}},
		},
		clocktesting.NewFakePassiveClock(now),
	}
	defer q.ShutDown()
	low := priorityqueue.AddOpts{Priority: ptr.To(handler.LowPriority)}
	named := func(name string) ctrl.Request { return ctrl.Request{NamespacedName: types.NamespacedName{Name: name}} }
	q.AddWithOpts(low, named("unchanged"), named("due, and looked at after a start"), named("unchanged, ends first"))
	q.Add(named("held"))
	q.AddRateLimited(named("due"))
	q.AddAfter(named("due, ends first"), time.Microsecond)
	q.Add(named("changed"))
	q.Add(named("missing"))
	time.Sleep(50 * time.Millisecond) // what is added for a moment later is there by then
	var got []string
	for q.Len() > 0 {
		item, _ := q.Get()
		got = append(got, item.Name)
		q.Done(item)
	}
	want := []string{"missing", "due, ends first", "due", "due, and looked at after a start", "changed", "held", "unchanged, ends first", "unchanged"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPriorityOfUnknown: what the cache does not have yet is not put off.
func TestPriorityOfUnknown(t *testing.T) {
	if unknown, low := priority(nil, true, now), priority(&v1alpha1.ApisixCertificate{Status: ending(day, 2*day)}, true, now); unknown <= low {
		t.Errorf("%d, and %d of what has not changed", unknown, low)
	}
}
