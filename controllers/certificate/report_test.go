// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// TestRecheckAfter: a fault of the set-up is tried again soon at first, then rarely.
func TestRecheckAfter(t *testing.T) {
	c := condition(v1alpha1.ConditionPushed, no, v1alpha1.ReasonGatewayRefused, "")
	c.LastTransitionTime = metav1.NewTime(now)
	var got []time.Duration
	for at := now; at.Before(now.Add(4 * time.Minute)); at = at.Add(got[len(got)-1]) {
		got = append(got, recheckAfter([]metav1.Condition{c}, v1alpha1.ConditionPushed, at)/time.Second)
		got[len(got)-1] *= time.Second
	}
	want := []time.Duration{5, 5, 10, 20, 40, 60, 60, 60}
	for i := range want {
		want[i] *= time.Second
	}
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := recheckAfter(nil, v1alpha1.ConditionPushed, now); d != setupRecheck {
		t.Errorf("without a condition after %s", d)
	}
}

func TestWakeIsTheEarliestDeadline(t *testing.T) {
	look := lookAfter("uid-c")
	in := func(d time.Duration) plan { return plan{next: now.Add(d)} }
	due := func(p plan) plan { p.issue = true; return p }
	failed := outcome{err: errSealed, decision: certs.Decision{NotAfter: now.Add(90 * day)}}
	fails := func(err error) func(*pushed) { return func(g *pushed) { g.err = err } }
	refuse := func(g *pushed) { g.state.Conflict = &gateway.Conflict{} }
	unproven := func(g *pushed) { g.proof = gateway.Proof{Asked: true} }
	later := func(g *pushed) { g.again = 7 * time.Second }
	for _, c := range []struct {
		name string
		p    plan
		done outcome
		want time.Duration
	}{
		{"nothing to wait for", plan{}, outcome{}, look},
		{"renewal far ahead", in(90 * day), outcome{}, look},
		{"renewal near", in(time.Minute), outcome{}, time.Minute},
		{"never in a hot loop", in(time.Millisecond), outcome{}, time.Second},
		{"issued", due(plan{}), outcome{issued: true, decision: certs.Decision{Recheck: now.Add(90 * day)}}, look},
		{"issued for a short life", due(plan{}), outcome{issued: true, decision: certs.Decision{Recheck: now.Add(20 * time.Second)}}, 20 * time.Second},
		{"failed", due(in(time.Minute)), failed, 10 * time.Second},
		{"held", plan{held: &finding{}}, outcome{}, setupRecheck},
		{"gateway refuses", plan{}, outcome{gateways: []pushed{at("g", fails(&apisix.APIError{Status: 401}))}}, setupRecheck},
		{"another's object", plan{}, outcome{gateways: []pushed{at("g", refuse)}}, setupRecheck},
		{"gateway asks for it", plan{}, outcome{gateways: []pushed{at("g", later)}}, 7 * time.Second},
		{"not served yet", plan{}, outcome{gateways: []pushed{at("g"), at("h", unproven)}}, lookAgain},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.cert.Status.FailedAttempts = 2
			if got := wake(s.observed, c.p, c.done, now); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestSetAttempts(t *testing.T) {
	earlier := metav1.NewTime(now.Add(-time.Hour))
	attempt := plan{issue: true, decision: certs.Decision{Issue: true}}
	for _, c := range []struct {
		name       string
		p          plan
		done       outcome
		generation int64 // of the object; 1 was observed
		attempts   int32
		last       time.Time // zero: none
	}{
		{"failure", attempt, outcome{err: errSealed}, 1, 4, now},
		{"failure of a changed spec", attempt, outcome{err: errSealed}, 2, 1, now},
		{"success", attempt, outcome{issued: true}, 1, 0, time.Time{}},
		{"waiting", plan{waiting: true, decision: attempt.decision}, outcome{}, 1, 3, earlier.Time},
		{"no need", plan{}, outcome{}, 1, 0, time.Time{}},
		{"held", plan{held: &finding{}, decision: attempt.decision}, outcome{}, 1, 0, time.Time{}},
		{"labels failed", plan{relabel: true}, outcome{err: errSealed}, 1, 0, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := &v1alpha1.ApisixCertificate{Status: v1alpha1.ApisixCertificateStatus{ObservedGeneration: 1, FailedAttempts: 3, LastFailureTime: &earlier}}
			before.Generation = c.generation
			status := before.Status.DeepCopy()
			setAttempts(status, before, c.p, c.done, now)
			want := before.Status
			want.FailedAttempts, want.LastFailureTime = c.attempts, statusTime(c.last)
			if diff := cmp.Diff(&want, status); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Only what the queue should back off for is returned; a failure to issue has its own deadline.
func TestTransient(t *testing.T) {
	network := &apisix.NetworkError{Endpoint: "g:1", Err: errors.New("x")}
	fails := func(err error) outcome {
		return outcome{gateways: []pushed{at("g", func(g *pushed) { g.err = err })}}
	}
	for _, c := range []struct {
		name string
		p    plan
		done outcome
		want bool
	}{
		{"nothing", plan{}, outcome{}, false},
		{"issuing", plan{issue: true}, outcome{err: errSealed}, false},
		{"labels", plan{relabel: true}, outcome{err: errSealed}, true},
		{"gateway away", plan{}, fails(network), true},
		{"gateway away while issuing failed", plan{issue: true}, fails(network), true},
		{"gateway refuses", plan{}, fails(&apisix.APIError{Status: 400}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := transient(c.p, c.done); (err != nil) != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	lowest, highest := resync, time.Duration(0)
	for i := range 1000 {
		d := lookAfter(fmt.Sprint("uid-", i))
		lowest, highest = min(lowest, d), max(highest, d)
		if d != lookAfter(fmt.Sprint("uid-", i)) {
			t.Fatal("two runs disagree")
		}
	}
	if lowest < resync-resync/10 || highest > resync || highest-lowest < resync/20 {
		t.Errorf("from %v to %v", lowest, highest)
	}
}

// A record is of what was issued, and its warnings stay until the next issuance.
func TestRecordAndRenewal(t *testing.T) {
	s := fits(t)
	p := s.decide()
	status := &v1alpha1.ApisixCertificateStatus{Warnings: []string{"old"}}
	done := outcome{decision: p.decision}
	setRecord(status, &s.observed, p, done, s.now)
	setRenewal(status, &s.observed, done)
	d := p.decision
	if status.Issued.SerialNumber != certs.Serial(d.Bundle.Leaf) || !status.Issued.NotAfter.Time.Equal(d.NotAfter) || !status.RenewalTime.Time.Equal(d.RenewAt) {
		t.Errorf("%+v", status)
	}
	if diff := cmp.Diff([]string{"old"}, status.Warnings); diff != "" {
		t.Error("warnings of what is still there went")
	}
	done = outcome{issued: true, decision: d, warnings: []string{"shorter"}}
	if setRenewal(status, &s.observed, done); len(status.Warnings) != 1 || status.Warnings[0] != "shorter" {
		t.Errorf("%+v", status)
	}
}
