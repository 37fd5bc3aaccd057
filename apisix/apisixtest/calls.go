// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"net/http"
	"sync"
	"time"
)

// Call is a request that the Admin API received. It has neither bodies nor keys.
type Call struct {
	Method string
	Path   string // without the query
	ID     string // of the object, empty for a list
	Status int    // of the response; 0 where the connection was dropped
	Time   time.Time
}

type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (l *callLog) add(call Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, call)
}

// Calls returns the requests of the Admin API since the start or the last [Server.ResetCalls], in the order in which they
// completed.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return append([]Call(nil), s.calls.calls...)
}

// ResetCalls clears the call log.
func (s *Server) ResetCalls() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.calls = nil
}

// Failure replaces the response to a request of the Admin API.
type Failure struct {
	Status int           // 0 with Drop
	Body   string        // sent unchanged
	HTML   bool          // sent as text/html instead of JSON
	Drop   bool          // the connection is closed without a response
	After  bool          // the request is carried out first, so that only its response is lost
	Delay  time.Duration // wait before the response
}

type faults struct {
	mu      sync.Mutex
	decide  func(*http.Request) *Failure
	next    []Failure
	latency time.Duration
}

// Fail sets a function that decides for each request of the Admin API whether it fails. Nil removes it. The function is
// called from several goroutines and must not read the body.
func (s *Server) Fail(decide func(*http.Request) *Failure) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.decide = decide
}

// FailNext makes the next n requests of the Admin API fail with this status and body, in addition to failures that are
// still pending.
func (s *Server) FailNext(n, status int, body string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for range n {
		s.faults.next = append(s.faults.next, Failure{Status: status, Body: body})
	}
}

// SetLatency delays the processing of each request of the Admin API.
func (s *Server) SetLatency(d time.Duration) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.latency = d
}

// take returns how long to wait, and the failure to respond with, if any.
func (f *faults) take(r *http.Request) (time.Duration, *Failure) {
	f.mu.Lock()
	latency, decide := f.latency, f.decide
	var failure *Failure
	if len(f.next) > 0 {
		failure = &f.next[0]
		f.next = f.next[1:]
	}
	f.mu.Unlock()
	if failure == nil && decide != nil {
		failure = decide(r)
	}
	return latency, failure
}
