// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// formerScene is a gateway that was in mode own, and has our own object, and is in another mode now.
type formerScene struct {
	*adoptScene
	target Target
	id     string
}

func newFormerScene(t *testing.T, now Mode) *formerScene {
	t.Helper()
	skipReal(t)
	s := &formerScene{adoptScene: &adoptScene{ownScene: newOwnScene(t), fake: clocktesting.NewFakeClock(time.Now())}}
	s.Gateway.Clock = s.fake
	s.target = s.ownScene.target("u", tlsUse.Hosts...)
	s.mustPush(s.target)
	s.id = s.ID(s.target)
	s.Mode = now
	s.target.References = []Reference{tlsUse}
	return s
}

// renew makes a new certificate for the target.
func (s *formerScene) renew() {
	s.t.Helper()
	s.target.Pair = s.ownScene.target("u", s.target.Hosts...).Pair
}

// carry is the ingress controller's write of its object.
func (s *formerScene) carry(pair Pair) string {
	s.t.Helper()
	id := ingresscontroller.V2.ID(tlsUse.source(""))
	s.putRaw(apisix.SSL{ID: id, SNIs: tlsUse.Hosts, Cert: string(pair.Cert), Key: string(pair.Key), Labels: theirs{}.labelsFor(ingresscontroller.V2, tlsUse, s.target)})
	return id
}

// settle pushes until nothing is to be done at once, and gives the last verb that wrote something.
func (s *formerScene) settle() (last Verb) {
	s.t.Helper()
	for range 20 {
		_, action, err := s.pushStep()
		if err != nil {
			s.t.Fatal(err)
		}
		if action.Verb != ActionKeep && action.Verb != ActionWait {
			last = action.Verb
		}
		if action.RequeueAfter == 0 || action.RequeueAfter > readBackDelay {
			return last
		}
		s.fake.Step(action.RequeueAfter)
	}
	s.t.Fatal("it does not come to rest")
	return last
}

func (s *formerScene) pushStep() (State, Action, error) {
	state, err := s.Observe(s.t.Context(), s.target)
	if err != nil {
		return state, Action{}, err
	}
	return s.Push(s.t.Context(), state, s.target)
}

func (s *formerScene) wantServed(what string) {
	s.t.Helper()
	if proof := s.Prove(s.t.Context(), s.target.Hosts, s.target.Fingerprint); !proof.Served {
		s.t.Errorf("%s: the newest certificate is not served: %+v", what, proof)
	}
}

// TestFormerServesUntilReplaced: an IngressClass appears and the mode is another. Renewals go into our own object as long
// as no object of the ingress controller's is there; once that carries the certificate our own goes, and never before.
func TestFormerServesUntilReplaced(t *testing.T) {
	for _, mode := range []Mode{ModeAdopt, ModeSecret} {
		t.Run(string(mode), func(t *testing.T) {
			s := newFormerScene(t, mode)
			unserved := tlsUse
			unserved.Class, unserved.Controller = "", "" // so that nothing is made in the controller's stead
			s.target.References = []Reference{unserved}
			for range 3 {
				s.renew()
				state, action, err := s.pushStep()
				if err != nil || action.Verb != ActionPatch || len(state.Former) != 1 {
					t.Fatalf("a renewal: %+v %v", action, err)
				}
				s.wantServed("renewed")
				if verb := s.settle(); verb != "" || s.object(s.id) == nil {
					t.Fatalf("without an object of the controller's: %q", verb)
				}
			}
			s.target.References = []Reference{tlsUse}
			old := s.target.Pair
			s.renew()
			their := s.carry(old) // it has not carried the newest yet
			s.refresh()
			if state, _, _ := s.pushStep(); len(state.Former) == 0 || s.object(s.id) == nil {
				t.Fatal("our own object went before the controller's carried the certificate")
			}
			if own := s.object(s.id); own.Cert != string(s.target.Cert) {
				t.Error("our own object was not renewed at once")
			}
			s.carry(s.target.Pair)
			s.settle()
			s.refresh()
			s.settle()
			if s.object(s.id) != nil || s.object(their) == nil {
				t.Errorf("our own object is there: %t, the controller's: %t", s.object(s.id) != nil, s.object(their) != nil)
			}
			s.wantServed("replaced")
			if verb := s.settle(); verb != "" {
				t.Errorf("at rest it does %q", verb)
			}
		})
	}
}

// TestFormerVerified: the inventory may be old. The controller's objects are read again right before ours goes.
func TestFormerVerified(t *testing.T) {
	for name, spoil := range map[string]func(s *formerScene, their string){
		"gone":               func(s *formerScene, their string) { _ = s.Admin.DeleteSSL(s.t.Context(), their) },
		"an old certificate": func(s *formerScene, _ string) { s.carry(s.ownScene.target("u", tlsUse.Hosts...).Pair) },
		"other hosts": func(s *formerScene, their string) {
			s.putRaw(apisix.SSL{ID: their, SNIs: []string{"other.example.com"}, Cert: string(s.target.Cert), Key: string(s.target.Key), Labels: labels2("ApisixTls", "default", "shop")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFormerScene(t, ModeAdopt)
			their := s.carry(s.target.Pair)
			s.refresh()
			state, err := s.Observe(t.Context(), s.target)
			if action := s.Plan(state, s.target); err != nil || action.Verb != ActionDrop {
				t.Fatalf("the plan is %+v: %v", action, err)
			}
			spoil(s, their)
			if _, action, err := s.Push(t.Context(), state, s.target); err != nil || action.Verb == ActionDrop || s.object(s.id) == nil {
				t.Errorf("our own object went: %+v %v", action, err)
			}
		})
	}
}

// TestFormerMoreHosts: what our own object alone serves does not go dark.
func TestFormerMoreHosts(t *testing.T) {
	skipReal(t)
	s := newFormerScene(t, ModeAdopt)
	s.target = s.ownScene.target("u", "shop.example.com", "alone.example.com")
	s.Mode = ModeOwn
	s.mustPush(s.target)
	s.Mode = ModeAdopt
	s.target.References = []Reference{tlsUse}
	s.carry(s.target.Pair)
	s.refresh()
	s.settle()
	s.wantServed("both hosts")
	s.renew()
	s.settle()
	s.wantServed("renewed")
}

// TestFormerGone: an ingress controller 2.x has deleted our own object. It is not made again.
func TestFormerGone(t *testing.T) {
	s := newFormerScene(t, ModeAdopt)
	if _, err := s.Observe(t.Context(), s.target); err != nil {
		t.Fatal(err)
	}
	if err := s.Admin.DeleteSSL(t.Context(), s.id); err != nil {
		t.Fatal(err)
	}
	s.renew()
	if state, _, err := s.pushStep(); err != nil || len(state.Former) != 0 || s.object(s.id) != nil {
		t.Errorf("%v: it is there again: %t", err, s.object(s.id) != nil)
	}
}

// TestFormerRemoved: our own object is deleted with its certificate, and where the certificate leaves the gateway, whatever
// the mode is.
func TestFormerRemoved(t *testing.T) {
	for _, mode := range []Mode{ModeOwn, ModeAdopt, ModeSecret} {
		for name, remove := range map[string]func(*formerScene) error{
			"deleted": func(s *formerScene) error {
				done, err := s.Remove(t.Context(), s.target, false)
				if !done {
					t.Errorf("%s: not done", mode)
				}
				return err
			},
			"left": func(s *formerScene) error { return s.Withdraw(t.Context(), s.target) },
		} {
			s := newFormerScene(t, mode)
			s.target.References = nil
			if err := remove(s); err != nil || s.object(s.id) != nil {
				t.Errorf("%s, mode %s: our own object is there: %t, %v", name, mode, s.object(s.id) != nil, err)
			}
			s = newFormerScene(t, mode)
			foreign := s.standIn.SSLs()[0]
			foreign.Labels[inventory.LabelCluster] = "green"
			s.putRaw(apisix.SSL{ID: s.id, SNIs: foreign.SNIs, Cert: string(s.target.Cert), Key: string(s.target.Key), Labels: foreign.Labels})
			s.target.References = nil
			if err := remove(s); err != nil || s.object(s.id) == nil {
				t.Errorf("%s, mode %s: an object of another cluster went: %v", name, mode, err)
			}
		}
	}
}

// TestFormerRestored: what a certificate left behind in mode own before it was restored is renewed too, under its new id.
func TestFormerRestored(t *testing.T) {
	s := newFormerScene(t, ModeAdopt)
	unserved := tlsUse
	unserved.Controller = ""
	s.target.UID, s.target.References = "u2", []Reference{unserved}
	s.target.Known = func(_, _, uid string) bool { return uid == "u2" }
	s.settle()
	if s.object(s.id) != nil || s.object(s.ID(s.target)) == nil {
		t.Errorf("the old object is there: %t, the new one: %t", s.object(s.id) != nil, s.object(s.ID(s.target)) != nil)
	}
	s.renew()
	s.settle()
	s.wantServed("renewed")
}

// TestSecretModeWithoutAdmin: where the mode is secret, nothing depends on the Admin API, and a gateway that was found to be
// in standalone mode is not asked.
func TestSecretModeWithoutAdmin(t *testing.T) {
	s := newFormerScene(t, ModeSecret)
	s.standIn.ResetCalls()
	s.standIn.Fail(func(*http.Request) *apisixtest.Failure {
		return &apisixtest.Failure{Status: http.StatusServiceUnavailable, Body: "{}"}
	})
	for range 3 {
		if _, action, err := s.pushStep(); err != nil || action.Verb != ActionKeep {
			t.Errorf("%+v %v", action, err)
		}
	}
	if n := len(s.standIn.Calls()); n > 1 {
		t.Errorf("%d requests", n)
	}
	s.standIn.Fail(nil)
	s.fake.Step(probeInterval)
	s.renew()
	if _, action, err := s.pushStep(); err != nil || action.Verb != ActionPatch {
		t.Errorf("once it answers: %+v %v", action, err)
	}
}
