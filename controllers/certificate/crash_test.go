// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"fmt"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

// journey is something that a controller does in several steps.
type journey struct {
	name  string
	spec  func(*cert)
	fresh bool // there is no certificate before
	do    func(*scene)
	ends  bool // the certificate is gone after it
	signs int
}

var journeys = []journey{
	{name: "first issuance", fresh: true, do: func(s *scene) { s.Create("web") }, signs: 1},
	{name: "renewal", do: func(s *scene) { s.Clock.Step(70 * day) }, signs: 1},
	{name: "renewal that revokes", spec: func(c *cert) { c.Spec.RevocationPolicy = v1alpha1.RevokeOnReplace }, do: func(s *scene) { s.Clock.Step(70 * day) }, signs: 1},
	{name: "other names", do: func(s *scene) {
		s.Edit("web", func(c *cert) { c.Spec.DNSNames = append(c.Spec.DNSNames, "www.example") })
	}, signs: 1},
	{name: "renewal with the key at the gateway", spec: func(c *cert) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway }, do: func(s *scene) { s.Clock.Step(70 * day) }, signs: 1},
	{name: "key to the gateway", do: func(s *scene) {
		s.Edit("web", func(c *cert) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway })
	}, signs: 1},
	{name: "key to the Secret", spec: func(c *cert) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway }, do: func(s *scene) {
		s.Edit("web", func(c *cert) { c.Spec.KeyStorage = v1alpha1.KeyInSecret })
	}, signs: 1},
	{name: "Secret lost", do: func(s *scene) { s.DeleteSecret("web-tls") }, signs: 1},
	{name: "deletion", do: func(s *scene) { s.Delete("web") }, ends: true},
	{name: "deletion that revokes", spec: func(c *cert) { c.Spec.RevocationPolicy = v1alpha1.RevokeOnDelete }, do: func(s *scene) { s.Delete("web") }, ends: true},
}

func (j journey) begin(t *testing.T) *scene {
	if j.fresh {
		return controllertest.New(t)
	}
	if j.spec == nil {
		return issued(t)
	}
	return issued(t, j.spec)
}

// TestCrashBetweenAnyTwoSteps: at each call of a journey the process dies, before the call or after it. A new one brings it to
// the same end, what was served is served all the while, and it costs one signature more at most.
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	for _, j := range journeys {
		t.Run(j.name, func(t *testing.T) {
			whole := j.begin(t)
			before := len(whole.Calls())
			j.do(whole)
			whole.Run()
			n := len(whole.Calls()) - before
			if n < 3 {
				t.Fatalf("a journey of %d steps: %v", n, whole.Steps())
			}
			for k := 1; k <= n; k++ {
				for name, fault := range map[string]controllertest.Fault{"before": controllertest.Refused, "after": controllertest.Lost} {
					t.Run(fmt.Sprintf("%s step %d", name, k), func(t *testing.T) { j.crash(t, k, fault) })
				}
			}
		})
	}
}

func (j journey) crash(t *testing.T, k int, fault controllertest.Fault) {
	s := j.begin(t)
	signed := s.Signed()
	s.Fail(func(n int, _ controllertest.Call) controllertest.Fault {
		switch {
		case n < k:
			return controllertest.None
		case n == k:
			return fault
		}
		return controllertest.Refused // it is dead
	})
	j.do(s)
	s.Run()
	if !j.fresh && !j.ends && s.Served("web.example") == nil {
		t.Error("what worked was replaced by nothing")
	}
	s.Fail(nil)
	s.Restart()
	s.Run()
	s.Pass(10 * time.Minute) // a failure that was counted has its backoff
	if j.ends {
		j.ended(t, s)
		return
	}
	inOrder(t, s, "web")
	if more := s.Signed() - signed; more < j.signs || more > j.signs+1 {
		t.Errorf("%d signatures, where %d do", more, j.signs)
	}
	if j.name == "renewal that revokes" {
		if left := s.Cert("web").Status.ToRevoke; s.Vault.Revoked() == 0 || len(left) > 0 {
			t.Errorf("%d revoked, left %v", s.Vault.Revoked(), left)
		}
	}
}

func (j journey) ended(t *testing.T, s *scene) {
	t.Helper()
	if s.Cert("web") != nil || s.Secret("web-tls") != nil || s.Served("web.example") != nil {
		t.Errorf("left: certificate %v, Secret %v, at the gateway %v", s.Cert("web") != nil, s.Secret("web-tls") != nil, s.Served("web.example") != nil)
	}
	if j.spec != nil && s.Vault.Revoked() == 0 {
		t.Error("nothing was revoked")
	}
}

// TestAnyStepFails: one call fails and the process lives on. A signature that is at hand is not asked for again.
func TestAnyStepFails(t *testing.T) {
	for _, j := range journeys {
		t.Run(j.name, func(t *testing.T) {
			whole := j.begin(t)
			before := len(whole.Calls())
			j.do(whole)
			whole.Run()
			for k, call := range whole.Calls()[before:] {
				for name, fault := range map[string]controllertest.Fault{"refused": controllertest.Refused, "lost": controllertest.Lost} {
					t.Run(fmt.Sprintf("%s %d %s", call.What, k+1, name), func(t *testing.T) { j.fail(t, k+1, call.What, fault) })
				}
			}
		})
	}
}

func (j journey) fail(t *testing.T, k int, what string, fault controllertest.Fault) {
	s := j.begin(t)
	signed := s.Signed()
	s.Fail(func(n int, _ controllertest.Call) controllertest.Fault {
		if n == k {
			return fault
		}
		return controllertest.None
	})
	j.do(s)
	s.Run()
	s.Pass(2 * time.Minute)
	if j.ends {
		j.ended(t, s)
		return
	}
	inOrder(t, s, "web")
	want := j.signs
	if what == "sign" && fault == controllertest.Lost {
		want++
	}
	if more := s.Signed() - signed; more != want {
		t.Errorf("%d signatures, want %d", more, want)
	}
}
