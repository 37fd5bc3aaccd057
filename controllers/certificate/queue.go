// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// class is how urgent a certificate is among those that wait for a worker; the lower, the more.
type class int

const (
	classExpiring  class = iota // it has expired, or half of the time for its renewal is over
	classDue                    // its renewal is due, or there is none yet
	classChanged                // it, or what it depends on, has changed
	classUnchanged              // the first look after a start, or a resync
	classes
)

// classOf is how urgent a certificate is, nil being one that is not known.
func classOf(cert *v1alpha1.ApisixCertificate, unchanged bool, now time.Time) class {
	if cert == nil {
		return classChanged
	}
	renewal, end := cert.Status.RenewalTime, cert.Status.Issued.NotAfter
	switch {
	case end == nil && cert.DeletionTimestamp == nil:
		return classDue
	case end != nil && renewal != nil && !now.Before(renewal.Add(end.Sub(renewal.Time)/2)), end != nil && !now.Before(end.Time):
		return classExpiring
	case renewal != nil && !now.Before(renewal.Time):
		return classDue
	case unchanged:
		return classUnchanged
	}
	return classChanged
}

// newQueue makes a queue that is fair between namespaces: of one class, they are served in turn, so that a thousand objects of
// one namespace do not hold up the next object of another. While others wait, one namespace has a quarter of the workers.
func (r *Reconciler) newQueue(workers int) func(string, workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
	return func(name string, limiter workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
		order := &fairOrder{reader: r.Client, clock: r.Clock, share: max(1, workers/4)}
		base := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[ctrl.Request]{Name: name, Queue: order})
		delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[ctrl.Request]{Name: name, Queue: base})
		limited := workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[ctrl.Request]{Name: name, DelayingQueue: delaying})
		return &fairQueue{limited, order}
	}
}

// fairQueue is a queue whose order is fairOrder.
type fairQueue struct {
	workqueue.TypedRateLimitingInterface[ctrl.Request]
	order *fairOrder
}

// Done ends a run.
func (q *fairQueue) Done(item ctrl.Request) {
	q.order.done(item)
	q.TypedRateLimitingInterface.Done(item)
}

// AddWithOpts adds items. Below zero is the priority that handlers give to what has not changed.
func (q *fairQueue) AddWithOpts(o priorityqueue.AddOpts, items ...ctrl.Request) {
	for _, item := range items {
		q.order.note(item, o.Priority != nil && *o.Priority <= handler.LowPriority)
		switch {
		case o.RateLimited:
			q.AddRateLimited(item)
		case o.After > 0:
			q.AddAfter(item, o.After)
		default:
			q.Add(item)
		}
	}
}

// GetWithPriority gives the next item. Its priority is that of all: the order is the queue's own.
func (q *fairQueue) GetWithPriority() (item ctrl.Request, priority int, shutdown bool) {
	item, shutdown = q.Get()
	return item, 0, shutdown
}

// fairOrder orders what waits for a worker. It is the store of a workqueue, which has each item once.
type fairOrder struct {
	reader client.Reader // the cache
	clock  clock.PassiveClock
	share  int // of the workers, for one namespace while others wait

	mu        sync.Mutex
	waiting   [classes]map[string]*waitingItems // by namespace
	count     int
	turn      int64            // counts what was served
	served    map[string]int64 // namespace -> its last turn
	inFlight  map[string]int
	unchanged map[ctrl.Request]bool
}

// waitingItems are those of one namespace and class, the longest waiting first, and of the expiring the first to end.
type waitingItems []waitingItem

type waitingItem struct {
	request ctrl.Request
	before  int64
}

func (w waitingItems) Len() int           { return len(w) }
func (w waitingItems) Less(i, j int) bool { return w[i].before < w[j].before }
func (w waitingItems) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *waitingItems) Push(item any)     { *w = append(*w, item.(waitingItem)) }
func (w *waitingItems) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

// note remembers whether nothing has changed about an item that is added.
func (f *fairOrder) note(item ctrl.Request, unchanged bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unchanged == nil {
		f.unchanged = map[ctrl.Request]bool{}
	}
	if unchanged {
		f.unchanged[item] = true
		return
	}
	delete(f.unchanged, item)
}

// Touch is called for an item that waits already.
func (f *fairOrder) Touch(ctrl.Request) {}

// Len is how many items wait.
func (f *fairOrder) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Push adds an item.
func (f *fairOrder) Push(item ctrl.Request) {
	cert := &v1alpha1.ApisixCertificate{}
	if f.reader.Get(context.Background(), item.NamespacedName, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency) != nil {
		cert = nil // gone, or too new: nothing is known of it
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	of := classOf(cert, f.unchanged[item], f.clock.Now())
	delete(f.unchanged, item)
	if f.waiting[of] == nil {
		f.waiting[of] = map[string]*waitingItems{}
	}
	if f.waiting[of][item.Namespace] == nil {
		f.waiting[of][item.Namespace] = &waitingItems{}
	}
	f.turn++
	before := f.turn
	if of == classExpiring {
		before = cert.Status.Issued.NotAfter.Unix()
	}
	heap.Push(f.waiting[of][item.Namespace], waitingItem{item, before})
	f.count++
}

// Pop takes the next item: of the most urgent class, of the namespace that was served the longest ago, leaving out those that
// have their share of the workers while another can be served instead.
func (f *fairOrder) Pop() ctrl.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	of, namespace, ok := f.next(func(namespace string) bool { return f.inFlight[namespace] < f.share })
	if !ok {
		of, namespace, _ = f.next(func(string) bool { return true })
	}
	items := f.waiting[of][namespace]
	item := heap.Pop(items).(waitingItem).request
	if items.Len() == 0 {
		delete(f.waiting[of], namespace)
	}
	if f.inFlight == nil {
		f.inFlight, f.served = map[string]int{}, map[string]int64{}
	}
	f.count--
	f.turn++
	f.inFlight[namespace]++
	f.served[namespace] = f.turn
	return item
}

func (f *fairOrder) next(may func(namespace string) bool) (of class, namespace string, found bool) {
	for of = range classes {
		for candidate := range f.waiting[of] {
			if may(candidate) && (!found || f.served[candidate] < f.served[namespace] || f.served[candidate] == f.served[namespace] && candidate < namespace) {
				namespace, found = candidate, true
			}
		}
		if found {
			return of, namespace, true
		}
	}
	return of, "", false
}

// done ends a run. A namespace in which nothing runs or waits is forgotten.
func (f *fairOrder) done(item ctrl.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inFlight[item.Namespace]--; f.inFlight[item.Namespace] > 0 {
		return
	}
	delete(f.inFlight, item.Namespace)
	for of := range classes {
		if f.waiting[of][item.Namespace] != nil {
			return
		}
	}
	delete(f.served, item.Namespace)
}
