// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// An ApisixTls is touched where the ingress controller has had its time, the host shows no certificate at all, and not more often
// than once a minute. What another certificate serves, or a gateway that cannot be reached, no touch would help.
func TestTouch(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	lost := Result{Verb: ActionKeep, State: State{Mode: ModeSecret, Age: touchAfter}, Proof: Proof{Attempted: true, Cause: NoCertificate}}
	of := ingresscontroller.Class2
	uses := []Reference{
		{Kind: "Ingress", Name: "a", Controller: of}, {Kind: "ApisixTls", Name: "ending", Terminating: true, Controller: of},
		{Kind: "ApisixTls", Name: "no class"}, {Kind: "ApisixTls", Name: "another class", Controller: "k8s.io/ingress-nginx"},
		{Kind: "ApisixTls", Name: "b", Controller: of},
	}
	with := func(change func(*Result)) Result {
		r := lost
		change(&r)
		return r
	}
	g := &Gateway{Clock: clock}
	for _, row := range []struct {
		name   string
		result Result
		uses   []Reference
		step   time.Duration
		want   string
	}{
		{"just written", with(func(r *Result) { r.State.Age = touchAfter - time.Second }), uses, 0, ""},
		{"served", with(func(r *Result) { r.Proof = Proof{Attempted: true, Served: true} }), uses, 0, ""},
		{"not asked", with(func(r *Result) { r.Proof = Proof{} }), uses, 0, ""},
		{"another certificate", with(func(r *Result) { r.Proof.Cause = OtherCertificate }), uses, 0, ""},
		{"out of reach", with(func(r *Result) { r.Proof.Cause = Unreachable }), uses, 0, ""},
		{"mode adopt", with(func(r *Result) { r.State.Mode = ModeAdopt }), uses, 0, ""},
		{"nobody uses it", with(func(r *Result) { r.Verb = ActionIdle }), uses, 0, ""},
		{"no ApisixTls", lost, uses[:2], 0, ""},
		{"none that the controller serves, which takes no turn", lost, uses[:4], 0, ""},
		{"lost", lost, uses, 0, "b"},
		{"lost, soon after", lost, uses, touchInterval - time.Second, ""},
		{"lost, a minute after", lost, uses, time.Second, "b"},
	} {
		clock.Step(row.step)
		got := ""
		if ref := g.touch(row.result, Target{References: row.uses}); ref != nil {
			got = ref.Name
		}
		if got != row.want {
			t.Errorf("%s: touched %q, want %q", row.name, got, row.want)
		}
	}
}
