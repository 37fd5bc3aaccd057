// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

// TestClockJumps: clocks that are set forward and back over renewal and expiry, ours alone and with the issuer's. Never Ready
// after the end or before the beginning, and the issuer is not asked at each look.
func TestClockJumps(t *testing.T) {
	for _, row := range []struct {
		name        string
		ours, both  time.Duration // how far the clock is set, for an hour
		most        int           // how often the issuer may be asked in that hour
		ready, then bool          // at the end of that hour, and of the hour after it was set right
		mostThen    int
	}{
		{"ours a minute ahead", time.Minute, 0, 0, true, true, 0},
		{"ours past the renewal", 70 * day, 0, 17, true, true, 0},
		{"ours past the end", 100 * day, 0, 125, false, true, 0},
		{"ours far back", -100 * day, 0, 17, false, true, 0},
		{"ours an hour back", -time.Hour, 0, 0, true, true, 0},
		{"both past the renewal", 0, 70 * day, 1, true, true, 1},
		{"both past the end", 0, 100 * day, 1, true, true, 1},
		{"both far back", 0, -100 * day, 1, true, true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := issued(t)
			s.Pass(2 * time.Hour)
			asked := s.Count("sign")
			if asked != 1 {
				t.Fatalf("asked %d times before anything was set", asked)
			}
			s.VaultBehind = row.ours
			s.Jump(row.ours + row.both)
			s.Pass(2 * time.Hour) // it is noticed within the resync
			s.Pass(time.Hour)
			never(t, s)
			if n := s.Count("sign") - asked; n > 3*row.most {
				t.Errorf("asked %d times in three hours with a wrong clock", n)
			}
			if ready := s.Ready("web")[0] == 'T'; ready != row.ready {
				t.Errorf("with a wrong clock: %s", s.Ready("web"))
			}
			asked = s.Count("sign")
			s.VaultBehind = 0
			s.Jump(-row.ours - row.both)
			s.Pass(2 * time.Hour)
			never(t, s)
			if n := s.Count("sign") - asked; n > row.mostThen || (s.Ready("web")[0] == 'T') != row.then {
				t.Errorf("asked %d times with the clock right again, %s", n, s.Ready("web"))
			}
		})
	}
}

// never Ready with a certificate that is not valid now.
func never(t testing.TB, s *scene) {
	t.Helper()
	leaf, now := s.Leaf("web-tls"), s.Clock.Now()
	good := now.Before(leaf.NotAfter) && !leaf.NotBefore.After(now.Add(certs.ClockSkew))
	if s.Ready("web")[0] == 'T' && !good {
		t.Errorf("Ready at %s, with a certificate from %s to %s", now, leaf.NotBefore, leaf.NotAfter)
	}
}

// TestMissedDeadline: what a set clock brings nearer is noticed though no timer fires.
func TestMissedDeadline(t *testing.T) {
	for _, row := range []struct {
		name string
		jump time.Duration
		want bool
	}{
		{"none", time.Hour, false}, {"renewal", 70 * day, true}, {"end", 100 * day, true}, {"beginning", -100 * day, true},
	} {
		s := issued(t)
		s.Jump(row.jump)
		if got := s.MissedDeadline("web"); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

// TestExpiryIsToldOnTime: whatever the issuer does, a certificate past its end is not Ready a second later.
func TestExpiryIsToldOnTime(t *testing.T) {
	for _, row := range []struct {
		name   string
		before time.Duration // the end, when the issuer is asked
		sign   func(*scene, http.ResponseWriter, *http.Request)
	}{
		{"refuses", 2 * time.Minute, func(_ *scene, w http.ResponseWriter, _ *http.Request) {
			vaulttest.WriteError(w, http.StatusServiceUnavailable, "Vault is sealed")
		}},
		{"hangs", 200 * time.Millisecond, func(s *scene, _ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				time.Sleep(10 * time.Millisecond)
				s.Clock.Step(10 * time.Millisecond)
			}
			panic(http.ErrAbortHandler)
		}},
		{"hangs, and the controller slept until then", 0, func(s *scene, _ http.ResponseWriter, _ *http.Request) {
			s.Clock.Step(10 * time.Second) // as long as a call may take
			panic(http.ErrAbortHandler)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := issued(t)
			end := s.Leaf("web-tls").NotAfter
			s.Vault.SetHandler("pki/sign/web", func(w http.ResponseWriter, r *http.Request) { row.sign(s, w, r) })
			s.Clock.SetTime(end.Add(-row.before))
			s.Pass(row.before + time.Second)
			told := time.Minute
			for _, call := range s.Calls() {
				if call.What == "update status" && !call.At.Before(end) {
					told = call.At.Sub(end)
					break
				}
			}
			if got := s.Ready("web"); told > time.Second || got != "False Expired" {
				t.Errorf("told after %s: Ready is %s", told, got)
			}
			if row.name == "hangs" {
				fmt.Printf("measure: expiry_reported ms=%d\n", told.Milliseconds())
			}
			s.Vault.SetHandler("pki/sign/web", nil)
			s.Pass(time.Minute)
			inOrder(t, s, "web")
		})
	}
}

// TestBackoff: failures come at longer and longer intervals, over restarts too, and a changed spec is tried at once.
func TestBackoff(t *testing.T) {
	s := controllertest.New(t)
	s.Vault.SetHandler("pki/sign/web", vaulttest.ErrorHandler(http.StatusBadRequest, "common name web.example not allowed by this role"))
	s.Create("web")
	s.Run()
	var pauses []time.Duration
	last := s.Clock.Now()
	for n := s.Count("sign"); len(pauses) < 6; {
		s.Restart()
		s.Pass(time.Second)
		if now := s.Count("sign"); now > n {
			n = now
			pauses = append(pauses, s.Clock.Now().Sub(last).Round(time.Second))
			last = s.Clock.Now()
		}
	}
	for i, want := range []time.Duration{5, 10, 20, 30, 30, 30} { // nothing is there to lose: half a minute at most
		if got := pauses[i]; got < want*time.Second || got > (want+2)*time.Second {
			t.Errorf("pauses %v", pauses)
			break
		}
	}
	if status := s.Cert("web").Status; status.FailedAttempts != 7 || s.Ready("web") != "False Refused" {
		t.Errorf("%d attempts, %s", status.FailedAttempts, s.Ready("web"))
	}
	s.Vault.SetHandler("pki/sign/web", nil)
	s.Edit("web", func(c *cert) { c.Spec.DNSNames = []string{"www.example"} })
	s.Run()
	inOrder(t, s, "web")
	if s.Cert("web").Status.FailedAttempts != 0 {
		t.Error("failures are still counted")
	}
}

// TestRenewalDisabled: a certificate that is renewed by hand alone says how, is served to its end, and is not renewed after it.
func TestRenewalDisabled(t *testing.T) {
	s := issued(t, func(c *cert) { c.Spec.RenewalPolicy = v1alpha1.RenewDisabled })
	before := s.Leaf("web-tls")
	if at := s.Cert("web").Status.RenewalTime; at != nil {
		t.Errorf("will be renewed at %s", at)
	}
	s.Advance(70 * day)
	if says := s.Message("web", v1alpha1.ConditionReady); s.Ready("web") != "True RenewalDisabled" || !strings.Contains(says, "apisix-certs renew web") {
		t.Errorf("when it is due Ready is %s: %s", s.Ready("web"), says)
	}
	s.Advance(30 * day)
	if s.Ready("web") != "False Expired" || s.Signed() != 1 || !s.Leaf("web-tls").Equal(before) {
		t.Errorf("after its end Ready is %s, with %d signatures", s.Ready("web"), s.Signed())
	}
	s.Annotate("web", v1alpha1.AnnotationRenewAt, s.Clock.Now().Format(time.RFC3339))
	s.Run()
	inOrder(t, s, "web")
	if s.Signed() != 2 || s.Leaf("web-tls").Equal(before) {
		t.Errorf("ordered by hand: %d signatures", s.Signed())
	}
}
