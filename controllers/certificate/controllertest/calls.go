// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is a call of the controller that changes something, or asks whether it could.
type Call struct {
	// What it is: "create Secret", "try Secret" for a dry run, "update status", "patch ApisixCertificate", "sign", "revoke",
	// "PUT ssl", "DELETE ssl".
	What string
	// On is the object, as NAMESPACE/NAME, of Kubernetes; else empty.
	On string
	// At is when, by the clock of the scene.
	At time.Time
}

// Fault is what becomes of a call.
type Fault int

// Faults.
const (
	None    Fault = iota
	Refused       // it is not carried out, and fails
	Lost          // it is carried out, and its answer is lost
)

// errInjected is what a call to Kubernetes fails with.
var errInjected = errors.New("controllertest: the call was made to fail")

// calls is the log of calls, and what is to go wrong with them.
type calls struct {
	mu     sync.Mutex
	log    []Call
	looked int // how many Steps has given
	decide func(n int, c Call) Fault
	count  int // since decide was set
	next   []string
	refuse map[string]error
}

// record notes a call, and says what becomes of it. err is of Refuse alone.
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

// Fail lets decide say what becomes of each call, the first of which has number 1. Nil ends that.
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

// Calls are all calls since the start, in their order.
func (s *Scene) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return slices.Clone(s.calls.log)
}

// Steps are the calls since it was asked last, in their order.
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

// Count is how many calls of a kind there were since the start; those whose name begins so.
func (s *Scene) Count(what string) int {
	n := 0
	for _, call := range s.Calls() {
		if strings.HasPrefix(call.What, what) {
			n++
		}
	}
	return n
}
