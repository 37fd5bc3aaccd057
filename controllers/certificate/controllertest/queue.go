// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

const (
	// runWindow is how soon a certificate must be due for Run to wait for it.
	runWindow = 3 * time.Second
	// maxRuns limits one Run: more means an endless loop.
	maxRuns = 500
)

// Enqueue makes a certificate due now, as an event does.
func (s *Scene) Enqueue(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueueAt(key, s.queueTime())
}

// enqueueAt keeps an earlier time, as the queue does.
func (s *Scene) enqueueAt(key types.NamespacedName, at time.Time) {
	if before, ok := s.due[key]; !ok || at.Before(before) {
		s.due[key] = at
	}
}

// queueTime is the time of the queue, which Jump does not change.
func (s *Scene) queueTime() time.Time { return s.Clock.Now().Add(-s.jumped) }

// soonest is the certificate that is due first.
func (s *Scene) soonest() (first types.NamespacedName, at time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, due := range s.due {
		if !ok || due.Before(at) || due.Equal(at) && key.String() < first.String() {
			first, at, ok = key, due, true
		}
	}
	return first, at, ok
}

// Run runs what is due or due in a moment, until no certificate is.
func (s *Scene) Run() {
	s.t.Helper()
	for range maxRuns {
		key, at, ok := s.soonest()
		if !ok || at.After(s.queueTime().Add(runWindow)) {
			return
		}
		s.step(key, at)
	}
	s.t.Fatalf("no rest after %d runs", maxRuns)
}

// Pass lets time pass, and runs each certificate when it is due.
func (s *Scene) Pass(d time.Duration) {
	s.t.Helper()
	until := s.queueTime().Add(d)
	for {
		key, at, ok := s.soonest()
		if !ok || at.After(until) {
			break
		}
		s.step(key, at)
	}
	if rest := until.Sub(s.queueTime()); rest > 0 {
		s.Clock.Step(rest)
	}
}

// Advance lets time pass in which the controller does not run, as if the machine slept, and then runs what is due.
func (s *Scene) Advance(d time.Duration) {
	s.t.Helper()
	s.Clock.Step(d)
	s.Run()
}

// Jump sets the clock. No time passes, so that nothing is due by it.
func (s *Scene) Jump(d time.Duration) {
	s.Clock.SetTime(s.Clock.Now().Add(d))
	s.jumped += d
}

// step runs one certificate at its time.
func (s *Scene) step(key types.NamespacedName, at time.Time) {
	if ahead := at.Sub(s.queueTime()); ahead > 0 {
		s.Clock.Step(ahead)
	}
	s.mu.Lock()
	delete(s.due, key)
	s.mu.Unlock()
	result, err := s.reconciler.Reconcile(s.ctx, ctrl.Request{NamespacedName: key})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	switch {
	case err != nil:
		s.errs = append(s.errs, err)
		s.enqueueAt(key, s.queueTime().Add(s.backoff.When(key)))
	case result.RequeueAfter > 0:
		s.backoff.Forget(key)
		s.enqueueAt(key, s.queueTime().Add(result.RequeueAfter))
	default:
		s.backoff.Forget(key)
	}
}

// Reconcile runs one certificate out of turn, and gives when it is due again; zero: not by time.
func (s *Scene) Reconcile(key types.NamespacedName) (time.Duration, error) {
	result, err := s.reconciler.Reconcile(s.ctx, ctrl.Request{NamespacedName: key})
	return result.RequeueAfter, err
}

// Runs is how often the controller has run.
func (s *Scene) Runs() int { return s.runs }

// DueIn is when the certificate is due.
func (s *Scene) DueIn(name string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.due[keyOf(name)].Sub(s.queueTime())
}

// claimQueue takes what the handlers of claims enqueue.
type claimQueue struct {
	workqueue.TypedRateLimitingInterface[ctrl.Request]
	s *Scene
}

func (q claimQueue) Add(item ctrl.Request) { q.s.Enqueue(item.NamespacedName) }

// updateClaims updates the index of claims for a certificate.
func (s *Scene) updateClaims(key types.NamespacedName) {
	events := s.reconciler.Reviewer.ClaimEvents()
	cert := &v1alpha1.ApisixCertificate{}
	if err := s.Kube.Get(s.ctx, key, cert); client.IgnoreNotFound(err) != nil {
		s.t.Error(err)
		return
	}
	if cert.UID == "" {
		if uid, ok := s.known[key]; ok {
			delete(s.known, key)
			cert.UID, cert.Namespace, cert.Name = uid, key.Namespace, key.Name
			events.Delete(s.ctx, event.DeleteEvent{Object: cert}, claimQueue{s: s})
		}
		return
	}
	s.known[key] = cert.UID
	events.Create(s.ctx, event.CreateEvent{Object: cert}, claimQueue{s: s})
}

// Plan returns what the controller would do for a certificate now, on one line. It is empty for nothing.
func (s *Scene) Plan(name string) string {
	s.t.Helper()
	_, plan, err := s.reconciler.Preview(s.ctx, s.Cert(name))
	s.must(err)
	return plan.String()
}

// MissedDeadline reports whether the controller has missed a deadline of the certificate, see Reconciler.MissedDeadline.
func (s *Scene) MissedDeadline(name string) bool {
	return s.reconciler.MissedDeadline(s.Cert(name), s.Clock.Now())
}

// ForceVerify makes the next run of a certificate verify what is served.
func (s *Scene) ForceVerify(name string) { s.reconciler.ForceVerify(keyOf(name)) }
