// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// TestTooOld: in no mode is a gateway that is too old observed, written to or taken for one without ssl objects, and the error is one that
// somebody has to correct.
func TestTooOld(t *testing.T) {
	skipReal(t)
	for _, age := range []apisixtest.Release{apisixtest.FormV2, apisixtest.Before3, apisixtest.Before3Nameless} {
		for _, mode := range []Mode{ModeAuto, ModeOwn, ModeAdopt} {
			t.Run(string(age)+"/"+string(mode), func(t *testing.T) {
				s := newOwnScene(t)
				target := s.target("u1", "a.example.com")
				s.mustPush(target)
				s.standIn.SetRelease(age)
				s.standIn.ResetCalls()
				fresh := ownGateway(t, s.adminURL, s.adminKey, s.standIn.TLSAddr(), "blue") // as after a restart
				fresh.Mode = mode
				_, observed := fresh.Observe(t.Context(), target)
				done, removed := fresh.Remove(t.Context(), target, true)
				withdrawn := fresh.Withdraw(t.Context(), target)
				for _, err := range []error{observed, removed, withdrawn, fresh.Refresh(t.Context())} {
					if !apisix.IsOutdated(err) || !Refused(err) {
						t.Errorf("%v, want that the gateway is outdated", err)
					}
				}
				if done {
					t.Error("the removal is done")
				}
				for _, call := range s.standIn.Calls() {
					if call.Method != http.MethodGet && call.Method != http.MethodHead {
						t.Errorf("%s %s", call.Method, call.Path)
					}
				}
				if len(s.standIn.SSLs()) != 1 {
					t.Error("the ssl object is gone")
				}
			})
		}
	}
}

// TestShownKeys: beside an ingress controller too, the key that a gateway shows, encrypted or plain, is no reason to write.
func TestShownKeys(t *testing.T) {
	skipReal(t)
	for _, age := range []apisixtest.Release{apisixtest.Current, apisixtest.ShowsKeys, apisixtest.ShowsPlainKeys} {
		s := newOwnScene(t)
		s.standIn.SetRelease(age)
		s.Mode = ModeAdopt
		target, renewed := s.target("u1", "a.example.com"), s.target("u1", "a.example.com")
		ref := Reference{Kind: "ApisixTls", Namespace: "shop", Name: "web", Hosts: target.Hosts, Controller: ingresscontroller.Class2}
		target.References, renewed.References = []Reference{ref}, []Reference{ref}
		id := ingresscontroller.V2.ID(ref.source("web-tls"))
		s.putRaw(apisix.SSL{ID: id, SNIs: target.Hosts, Cert: string(target.Cert), Key: string(target.Key), Labels: labels2("ApisixTls", "shop", "web")})
		if _, verb, proof := s.push(target); verb != ActionKeep || !proof.Served {
			t.Errorf("%q: %s %+v", age, verb, proof)
		}
		state, err := s.Observe(t.Context(), renewed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ForcePush(t.Context(), state, renewed); err != nil {
			t.Fatal(err)
		}
		s.refresh()
		if _, verb, proof := s.push(renewed); verb != ActionKeep || !proof.Served {
			t.Errorf("%q, renewed: %s %+v", age, verb, proof)
		}
	}
}
