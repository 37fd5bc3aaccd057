// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// kept is a cache of certificates by NAMESPACE/NAME.
type kept map[string]v1alpha1.ApisixCertificateStatus

func (k kept) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	status, ok := k[key.String()]
	if !ok {
		return fmt.Errorf("no %s", key)
	}
	object.(*v1alpha1.ApisixCertificate).Status = status
	return nil
}

func (k kept) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// ending is the status of a certificate that is due at one time from now and ends at another.
func ending(due, end time.Duration) v1alpha1.ApisixCertificateStatus {
	return v1alpha1.ApisixCertificateStatus{
		RenewalTime: ptr.To(metav1.NewTime(time.Now().Add(due))), Issued: v1alpha1.IssuedCertificate{NotAfter: ptr.To(metav1.NewTime(time.Now().Add(end)))},
	}
}

func testQueue(t *testing.T, certs kept, workers int) *fairQueue {
	r := &Reconciler{Client: readerOnly{Reader: certs}, Clock: clock.RealClock{}}
	q := r.newQueue(workers)("", workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]()).(*fairQueue)
	t.Cleanup(q.ShutDown)
	return q
}

// readerOnly is a client that only reads.
type readerOnly struct {
	client.Client
	Reader client.Reader
}

func (r readerOnly) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return r.Reader.Get(ctx, key, object, options...)
}

func request(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

func TestQueueOrder(t *testing.T) {
	q := testQueue(t, kept{
		"a/unchanged": ending(day, 3*day), "a/changed": ending(day, 3*day), "a/due": ending(-time.Hour, day), "a/missing": {},
		"a/expiring": ending(-2*day, day), "a/expired": ending(-2*day, -day),
	}, 16)
	for _, name := range []string{"unchanged", "changed", "due", "missing", "expiring", "expired"} {
		o := priorityqueue.AddOpts{}
		if name == "unchanged" {
			o.Priority = ptr.To(handler.LowPriority)
		}
		q.AddWithOpts(o, request("a", name))
	}
	for _, want := range []string{"expired", "expiring", "due", "missing", "changed", "unchanged"} {
		item, _ := q.Get()
		q.Done(item)
		if item.Name != want {
			t.Errorf("%s, want %s", item.Name, want)
		}
	}
}

// A thousand objects of one namespace do not hold up another's.
func TestQueueIsFair(t *testing.T) {
	certs := kept{"b/due": ending(-time.Hour, day)}
	q := testQueue(t, certs, 16)
	for i := range 1000 {
		name := fmt.Sprint("c", i)
		certs["a/"+name] = v1alpha1.ApisixCertificateStatus{}
		q.Add(request("a", name))
	}
	for range 20 {
		item, _ := q.Get()
		q.Done(item)
	}
	q.Add(request("b", "due"))
	if item, _ := q.Get(); item.Namespace != "b" {
		t.Errorf("%s goes first", item)
	}
	// While b waits, a has four of the sixteen workers; alone it has all.
	for range 16 {
		q.Get()
	}
	q.Add(request("b", "due"))
	for range 2 {
		q.Add(request("c", "x"))
	}
	if item, _ := q.Get(); item.Namespace == "a" {
		t.Errorf("%s goes first", item)
	}
}

// What is added while it runs is served again, and once.
func TestQueueOnce(t *testing.T) {
	q := testQueue(t, kept{}, 4)
	q.Add(request("a", "x"))
	item, _ := q.Get()
	q.Add(item)
	q.Add(item)
	if q.Len() != 0 {
		t.Errorf("%d wait while it runs", q.Len())
	}
	q.Done(item)
	if q.Len() != 1 {
		t.Errorf("%d wait", q.Len())
	}
	again, _ := q.Get()
	q.Done(again)
	if again != item || q.Len() != 0 || len(q.order.inFlight) != 0 || len(q.order.served) != 0 {
		t.Errorf("%+v", q.order)
	}
}
