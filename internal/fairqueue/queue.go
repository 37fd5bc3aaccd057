// SPDX-License-Identifier: Apache-2.0

// Package fairqueue is a queue for controllers shared by many tenants. The most urgent items are processed first. Items of
// equal urgency are processed by namespace, round-robin, so that a thousand objects of one namespace do not delay the next
// object of another.
//
//	controller.Options{NewQueue: fairqueue.New(workers, urgency)}
package fairqueue

import (
	"container/heap"
	"sync"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
)

// Class is the urgency of a waiting item. A lower value is more urgent.
type Class int

// Classes.
const (
	Expiring  Class = iota // processed first, in order of expiry
	Due                    // a deadline has passed
	Changed                // the object, or what it depends on, has changed
	Unchanged              // the first run after a start, or a resync
	classes
)

// Urgency returns the class of an item and, for Expiring, when it expires, in seconds since 1970. unchanged means that
// nothing about the item has changed.
type Urgency func(item ctrl.Request, unchanged bool) (class Class, expires int64)

// New returns a function for controller.Options.NewQueue. While other namespaces wait, one namespace may use a quarter of
// the workers.
func New(workers int, urgency Urgency) func(string, workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
	return func(name string, limiter workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
		order := &fairOrder{urgency: urgency, share: max(1, workers/4)}
		base := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[ctrl.Request]{Name: name, Queue: order})
		delaying := workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[ctrl.Request]{Name: name, Queue: base})
		limited := workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[ctrl.Request]{Name: name, DelayingQueue: delaying})
		return &fairQueue{limited, order}
	}
}

// fairQueue is a queue ordered by fairOrder.
type fairQueue struct {
	workqueue.TypedRateLimitingInterface[ctrl.Request]
	order *fairOrder
}

// Done marks the end of a run.
func (q *fairQueue) Done(item ctrl.Request) {
	q.order.done(item)
	q.TypedRateLimitingInterface.Done(item)
}

// AddWithOpts adds items. Handlers set a priority below zero for what has not changed.
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

// GetWithPriority returns the next item. Its priority is the same for all items, as the queue has its own order.
func (q *fairQueue) GetWithPriority() (item ctrl.Request, priority int, shutdown bool) {
	item, shutdown = q.Get()
	return item, 0, shutdown
}

// fairOrder orders the waiting items. It is the storage of a workqueue, which has each item once.
type fairOrder struct {
	urgency Urgency
	share   int // of the workers, for one namespace while others wait

	mu        sync.Mutex
	waiting   [classes]map[string]*waitingItems // by namespace
	count     int
	turn      int64            // counts processed items
	served    map[string]int64 // namespace -> value of turn at its last item
	inFlight  map[string]int
	unchanged map[ctrl.Request]bool
}

// waitingItems are those of one namespace and class, the longest waiting first, or in order of expiry.
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

// note records whether nothing has changed about an item that is added.
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

// Touch is called for an item that is already waiting.
func (f *fairOrder) Touch(ctrl.Request) {}

// Len returns how many items wait.
func (f *fairOrder) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Push adds an item.
func (f *fairOrder) Push(item ctrl.Request) {
	f.mu.Lock()
	unchanged := f.unchanged[item]
	f.mu.Unlock()
	of, expires := f.urgency(item, unchanged) // not under the lock, as it may wait for a cache
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.unchanged, item)
	if f.waiting[of] == nil {
		f.waiting[of] = map[string]*waitingItems{}
	}
	if f.waiting[of][item.Namespace] == nil {
		f.waiting[of][item.Namespace] = &waitingItems{}
	}
	f.turn++
	before := f.turn
	if of == Expiring {
		before = expires
	}
	heap.Push(f.waiting[of][item.Namespace], waitingItem{item, before})
	f.count++
}

// Pop returns the next item: of the most urgent class, and of the namespace that was processed the longest ago. A namespace
// that uses its share of the workers is skipped while another one has items.
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

func (f *fairOrder) next(may func(namespace string) bool) (of Class, namespace string, found bool) {
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

// done marks the end of a run. A namespace without running or waiting items is forgotten.
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
