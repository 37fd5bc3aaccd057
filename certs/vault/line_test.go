// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"container/heap"
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestIssueOrder: with one request in flight, those that wait are sent by urgency, whatever order they came in.
func TestIssueOrder(t *testing.T) {
	f := newFakeVault(t)
	release := make(chan struct{})
	f.answer("pki/sign/web", func(w http.ResponseWriter, r *http.Request) { <-release; f.sign(w, r) })
	c := f.config()
	c.MaxInFlight = 1
	s := open(t, c)
	request, _ := newRequest(t, spec)
	var wait sync.WaitGroup
	ask := func(name string, ends time.Time) {
		request := request
		request.Ends, request.Spec.CommonName = ends, name // Vault is told, and answers what the CSR says
		wait.Go(func() {
			if _, err := s.Issue(context.Background(), request); err != nil {
				t.Error(err)
			}
		})
	}
	ask("in flight", now)
	until(t, func() bool { return f.called("pki/sign/web") == 1 })
	ask("at the head", now.Add(9*time.Hour))
	until(t, func() bool { return !s.line.idle() })
	for i, w := range []struct {
		name string
		ends time.Time
	}{{"ends third", now.Add(3 * time.Hour)}, {"ends first", now.Add(time.Hour)}, {"first issuance", time.Time{}}, {"ends second", now.Add(2 * time.Hour)}, {"first issuance too", time.Time{}}} {
		ask(w.name, w.ends)
		until(t, func() bool { return s.line.waiting() == i+1 })
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Issue(gone, request); kindOfError(t, err) != Transient {
		t.Errorf("given up: %v", err)
	}
	close(release)
	wait.Wait()
	var got []any
	for _, body := range f.bodies {
		got = append(got, body["common_name"])
	}
	want := []any{"in flight", "at the head", "first issuance", "first issuance too", "ends first", "ends second", "ends third"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !s.line.idle() {
		t.Error("the line does not end")
	}
}

func (l *line) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wait)
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 5000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("not within 5 s")
}

// TestLineGivesUpAtItsTurn: who gives up in the moment in which it is called passes its turn on.
func TestLineGivesUpAtItsTurn(t *testing.T) {
	var l line
	if err := l.enter(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	w := &waiter{turn: make(chan struct{})}
	heap.Push(&l.wait, w)
	l.leave()
	<-w.turn
	l.giveUp(w)
	if !l.idle() {
		t.Error("the turn was lost")
	}
}

// TestLineGivesUp: who gives up is not called, and does not keep the others waiting.
func TestLineGivesUp(t *testing.T) {
	for range 200 {
		var l line
		if err := l.enter(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for i := range 4 {
			wait.Go(func() {
				if l.enter(ctx, now.Add(time.Duration(i)*time.Hour)) == nil {
					l.leave()
				}
			})
		}
		wait.Go(cancel)
		l.leave()
		wait.Wait()
		if !l.idle() {
			t.Fatal("a turn was lost")
		}
	}
}
