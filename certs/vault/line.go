// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// line is where requests wait that a limit holds back. One is at its head, for the limits to let pass; of those behind it
// the most urgent comes next: one without a certificate, then the one whose certificate ends first, then who came first.
type line struct {
	mu    sync.Mutex
	taken bool // somebody is at the head
	count int  // of all who ever waited
	wait  waiters
}

type waiter struct {
	ends  time.Time
	count int
	index int // in the heap, -1 once it was called
	turn  chan struct{}
}

// idle tells whether nobody is in the line.
func (l *line) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.taken
}

// enter waits for the head of the line, which leave gives up. Its error is that of ctx.
func (l *line) enter(ctx context.Context, ends time.Time) error {
	l.mu.Lock()
	if !l.taken {
		l.taken = true
		l.mu.Unlock()
		return nil
	}
	l.count++
	w := &waiter{ends: ends, count: l.count, turn: make(chan struct{})}
	heap.Push(&l.wait, w)
	l.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		l.giveUp(w)
		return ctx.Err()
	}
}

// giveUp takes a waiter out, or passes on the turn that it was just given.
func (l *line) giveUp(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.index >= 0 {
		heap.Remove(&l.wait, w.index)
		return
	}
	l.next()
}

func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next()
}

// next is called with the lock held.
func (l *line) next() {
	if len(l.wait) == 0 {
		l.taken = false
		return
	}
	close(heap.Pop(&l.wait).(*waiter).turn)
}

// waiters are a heap with the most urgent first.
type waiters []*waiter

func (w waiters) Len() int { return len(w) }

func (w waiters) Less(i, j int) bool {
	a, b := w[i], w[j]
	if !a.ends.Equal(b.ends) {
		return a.ends.Before(b.ends) // zero, for none, is before all
	}
	return a.count < b.count
}

func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

func (w *waiters) Push(x any) {
	one := x.(*waiter)
	one.index = len(*w)
	*w = append(*w, one)
}

func (w *waiters) Pop() any {
	all := *w
	last := all[len(all)-1]
	last.index = -1
	all[len(all)-1] = nil
	*w = all[:len(all)-1]
	return last
}
