// SPDX-License-Identifier: Apache-2.0

package fairqueue

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
)

// urgencies are classes by name; any other item is Due.
func urgencies(item ctrl.Request, unchanged bool) (Class, int64) {
	switch {
	case item.Name == "expired":
		return Expiring, 1
	case item.Name == "expiring":
		return Expiring, 2
	case unchanged:
		return Unchanged, 0
	case item.Name == "changed":
		return Changed, 0
	}
	return Due, 0
}

func testQueue(t *testing.T, workers int) *fairQueue {
	q := New(workers, urgencies)("", workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]()).(*fairQueue)
	t.Cleanup(q.ShutDown)
	return q
}

func request(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

func TestQueueOrder(t *testing.T) {
	q := testQueue(t, 16)
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
	q := testQueue(t, 16)
	for i := range 1000 {
		q.Add(request("a", fmt.Sprint("c", i)))
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
	q := testQueue(t, 4)
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
