// SPDX-License-Identifier: Apache-2.0

// Package fairqueue has a queue for controllers that many tenants share: the most urgent items are served first, and those of
// equal urgency by the namespaces in turn, so that a thousand objects of one namespace do not hold up the next object of another.
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

// Class is how urgent an item is among those that wait for a worker; the lower, the more.
type Class int

// Classes.
const (
	Expiring  Class = iota // served first, and of these the first to end
	Due                    // work with a deadline that has come
	Changed                // it, or what it depends on, has changed
	Unchanged              // the first look after a start, or a resync
	classes
)

// Urgency reports how urgent an item is, and of Expiring ones when it ends, in seconds since 1970. unchanged: nothing has
// changed about it.
type Urgency func(item ctrl.Request, unchanged bool) (of Class, ends int64)

// New is for controller.Options.NewQueue. While others wait, one namespace has a quarter of the workers.
func New(workers int, urgency Urgency) func(string, workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
	return func(name string, limiter workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
		order := &fairOrder{urgency: urgency, share: max(1, workers/4)}
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
	urgency Urgency
	share   int // of the workers, for one namespace while others wait

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
	f.mu.Lock()
	unchanged := f.unchanged[item]
	f.mu.Unlock()
	of, ends := f.urgency(item, unchanged) // it may read a cache, which must not be waited for under the lock
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
		before = ends
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
