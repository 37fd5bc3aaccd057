// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is a call of the controller that changes something, or a dry run.
type Call struct {
	// What it is: "create Secret", "try Secret" for a dry run, "update status", "patch ApisixCertificate", "sign", "revoke",
	// "PUT ssl", "DELETE ssl".
	What string
	// On is the object, as NAMESPACE/NAME, of Kubernetes; else empty.
	On string
	// At is when, by the clock of the scene.
	At time.Time
}

// Fault is what happens to a call.
type Fault int

// Faults.
const (
	None    Fault = iota
	Refused       // it is not executed, and fails
	Lost          // it is executed, and its response is lost
)

// errInjected is the error of a failed call to Kubernetes.
var errInjected = errors.New("controllertest: the call was made to fail")

// calls is the log of calls, and the faults to inject.
type calls struct {
	mu     sync.Mutex
	log    []Call
	looked int // how many Steps has given
	decide func(n int, c Call) Fault
	count  int // since decide was set
	next   []string
	refuse map[string]error
}

// record logs a call and returns its fault. err is only for calls to Kubernetes.
func (c *calls) record(call Call) (fault Fault, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, call)
	c.count++
	if err := c.refuse[call.What]; err != nil {
		return Refused, err
	}
	if i := slices.Index(c.next, call.What); i >= 0 {
		c.next = slices.Delete(c.next, i, i+1)
		return Refused, errInjected
	}
	if c.decide == nil {
		return None, nil
	}
	return c.decide(c.count, call), errInjected
}

// Fail lets decide choose the fault of each call. The first call has number 1. Nil stops that.
func (s *Scene) Fail(decide func(n int, c Call) Fault) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.decide, s.calls.count = decide, 0
}

// FailNext lets the next call of each kind that is named fail, without being carried out.
func (s *Scene) FailNext(what ...string) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	s.calls.next = append(s.calls.next, what...)
}

// Refuse lets all calls of a kind to Kubernetes fail with err, without being carried out. A nil err ends that.
func (s *Scene) Refuse(what string, err error) {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	if s.calls.refuse == nil {
		s.calls.refuse = map[string]error{}
	}
	s.calls.refuse[what] = err
}

// Calls returns all calls since the start in order.
func (s *Scene) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return slices.Clone(s.calls.log)
}

// Steps returns the calls since Steps was called last, in order.
func (s *Scene) Steps() []string {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	var steps []string
	for _, call := range s.calls.log[s.calls.looked:] {
		steps = append(steps, call.What)
	}
	s.calls.looked = len(s.calls.log)
	return steps
}

// Count returns the number of calls since the start whose name begins with what.
func (s *Scene) Count(what string) int {
	n := 0
	for _, call := range s.Calls() {
		if strings.HasPrefix(call.What, what) {
			n++
		}
	}
	return n
}
