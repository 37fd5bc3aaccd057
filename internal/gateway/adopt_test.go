// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// adoptScene is a gateway with an ssl object of a 2.x controller, which holds the certificate before the target's.
type adoptScene struct {
	*ownScene
	fake   *clocktesting.FakeClock
	old    Target
	next   Target
	theirs apisix.SSL // as it was put
}

func newAdoptScene(t *testing.T) *adoptScene {
	t.Helper()
	skipReal(t)
	s := &adoptScene{ownScene: newOwnScene(t), fake: clocktesting.NewFakeClock(time.Now())}
	s.Mode, s.Gateway.Clock = ModeAdopt, s.fake
	s.old, s.next = s.target("u", tlsUse.Hosts...), s.target("u", tlsUse.Hosts...)
	s.next.References = []Reference{tlsUse}
	s.theirs = apisix.SSL{
		ID: ingresscontroller.V2.ID(tlsUse.source("")), SNIs: tlsUse.Hosts, Cert: string(s.old.Cert), Key: string(s.old.Key),
		Labels: theirs{}.labelsFor(ingresscontroller.V2, tlsUse, s.next), Desc: "the controller's",
	}
	s.putRaw(s.theirs)
	return s
}

// conflict lets PATCH answer as where somebody else writes at the same time, count times; after: with the patch done.
func (s *adoptScene) conflict(count int, after bool) {
	s.standIn.Fail(func(r *http.Request) *apisixtest.Failure {
		if r.Method != http.MethodPatch || count == 0 {
			return nil
		}
		count--
		return &apisixtest.Failure{Status: http.StatusServiceUnavailable, Body: `{"error_msg":"value changed before overwritten"}`, After: after}
	})
}

// held is the object as it is now.
func (s *adoptScene) held() *apisix.SSL { return s.object(s.theirs.ID) }

// bring is a push without a proof. The ingress controller has its head start.
func (s *adoptScene) bring(t Target) State {
	s.t.Helper()
	s.headStart(t)
	state, _, err := s.tryPush(t)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// headStart lets the time pass in which a target is left to the ingress controller.
func (s *adoptScene) headStart(t Target) {
	s.t.Helper()
	for range 10 {
		state, action, err := s.step(t)
		if err != nil {
			s.t.Fatal(err)
		}
		if !state.Syncing() {
			return
		}
		if action.Verb != ActionWait || action.RequeueAfter <= 0 || action.RequeueAfter > time.Second {
			s.t.Fatalf("during the head start the plan is %+v", action)
		}
		s.fake.Step(action.RequeueAfter)
	}
	s.t.Fatal("the head start does not end")
}

// step is what is known of a target, and planned.
func (s *adoptScene) step(t Target) (State, Action, error) {
	state, err := s.Observe(s.t.Context(), t)
	return state, s.Plan(state, t), err
}

func (s *adoptScene) patches() int {
	n := 0
	for _, call := range s.standIn.Calls() {
		if call.Method == http.MethodPatch {
			n++
		}
	}
	return n
}

func TestPatchConflict(t *testing.T) {
	for _, test := range []struct {
		name    string
		count   int
		after   bool
		patches int
		fails   bool
	}{
		{"no conflict", 0, false, 1, false},
		{"somebody wrote the same", 1, true, 1, false},
		{"somebody wrote another", 1, false, 2, false},
		{"always", 99, false, conflictTries, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newAdoptScene(t)
			s.headStart(s.next)
			s.conflict(test.count, test.after)
			_, _, err := s.tryPush(s.next)
			if (err != nil) != test.fails || test.fails && Refused(err) {
				t.Errorf("got error %v, want one: %t, which passes by itself", err, test.fails)
			}
			if n := s.patches(); n != test.patches {
				t.Errorf("%d patches, want %d", n, test.patches)
			}
			if held := s.held().Cert == string(s.next.Cert); held == test.fails {
				t.Errorf("the object holds the new certificate: %t", held)
			}
		})
	}
}

// TestPatchNothingElse: of the controller's object only certificate and key change.
func TestPatchNothingElse(t *testing.T) {
	s := newAdoptScene(t)
	s.bring(s.next)
	got, want := s.held(), s.theirs
	if got.Cert != string(s.next.Cert) {
		t.Error("the certificate was not patched")
	}
	if got.Desc != want.Desc || !maps.Equal(got.Labels, want.Labels) || !slices.Equal(got.SNIs, want.SNIs) {
		t.Errorf("more than certificate and key changed: %q %v %v", got.Desc, got.Labels, got.SNIs)
	}
}

// TestPatchCarried: what the controller has carried by itself meanwhile is not written.
func TestPatchCarried(t *testing.T) {
	s := newAdoptScene(t)
	s.refresh()
	carried := s.theirs
	carried.Cert, carried.Key = string(s.next.Cert), string(s.next.Key)
	s.putRaw(carried)
	if s.bring(s.next); s.patches() > 0 {
		t.Error("the object held the certificate and was patched")
	}
}

// TestMakeTaken: an object with our computed id that belongs to something else is left alone.
func TestMakeTaken(t *testing.T) {
	s := newAdoptScene(t)
	taken := s.theirs
	taken.SNIs, taken.Labels = []string{"other.example.com"}, map[string]string{ingresscontroller.Label2ManagedBy: ingresscontroller.Name, ingresscontroller.Label2Kind: "Gateway"}
	s.putRaw(taken)
	s.bring(s.next)
	s.fake.Step(time.Minute)
	state := s.bring(s.next)
	if len(state.Adoption.Missing) != 1 || !state.Adoption.Missing[0].IDTaken {
		t.Errorf("the state does not say that the id is taken: %+v", state.Adoption)
	}
	if got := s.held(); got.Cert != taken.Cert || len(got.SNIs) != 1 || got.SNIs[0] != "other.example.com" {
		t.Error("the other object was written")
	}
}

// TestMakeKeepsClient: the hosts of an object that asks clients for a certificate are changed without ending that.
func TestMakeKeepsClient(t *testing.T) {
	s := newAdoptScene(t)
	mutual := s.theirs
	mutual.Client = &apisix.SSLClient{CA: string(s.old.Cert)}
	s.putRaw(mutual)
	s.next = s.target("u", "shop.example.com", "store.example.com")
	ref := tlsUse
	ref.RequiresClientCert, ref.Hosts = true, s.next.Hosts
	s.next.References = []Reference{ref}
	s.bring(s.next) // the certificate, which covers the hosts there
	s.fake.Step(controllerGrace)
	s.bring(s.next)
	s.fake.Step(controllerGrace)
	s.bring(s.next)
	got := s.held()
	if got.Client == nil || !inventory.SameHosts(got.SNIs, s.next.Hosts) || got.Cert != string(s.next.Cert) {
		t.Errorf("asks clients: %t, hosts %v", got.Client != nil, got.SNIs)
	}
}
