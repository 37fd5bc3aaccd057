// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// takeoverTime is how long a standby may need to lead: the lease lasts 9 s from when it saw the last renewal, and it looks
// every 1 to 2.2 s, before and after that.
const takeoverTime = 15 * time.Second

// TestTakeover kills the leader of two replicas in renewals, time and again.
func TestTakeover(t *testing.T) {
	s := newScene(t)
	forced, graceful := 20, 5
	if !long() {
		forced, graceful = 0, 1 // a lease that must end takes 9 s
	}
	standby := s.standby()
	s.prober.take()
	twice, lost, slowest := 0, 0, time.Duration(0)
	for i := range forced {
		began, more, gone := s.takeOver(&standby, i)
		twice, lost, slowest = twice+more, lost+gone, max(slowest, began)
	}
	slowestGraceful := time.Duration(0)
	for range graceful {
		slowestGraceful = max(slowestGraceful, s.handOver(&standby))
	}
	s.must(standby.Stop())
	s.until("order", s.disorder)
	probes := s.prober.take()
	t.Logf("%d stopped in good order: renewed by the next within %.1f s; %d signatures died with their leader; %d handshakes, %d wrong",
		graceful, slowestGraceful.Seconds(), lost, probes.tries, len(probes.wrong))
	if forced > 0 {
		fmt.Printf("measure: takeover rounds=%d double_issuances=%d slowest_s=%.1f\n", forced, twice, slowest.Seconds())
	}
	if twice > 0 || len(probes.wrong) > 0 || len(s.orphans()) > 0 {
		t.Errorf("%d issued twice, %d orphans, wrong handshakes: %v", twice, len(s.orphans()), probes.wrong)
	}
	s.checkForeign()
}

// standby starts a second replica, which reaches the API server past the wire.
func (s *scene) standby() *cluster.Controller {
	s.Helper()
	c := *s.Cluster
	c.KubeTap = &cluster.Tap{URL: s.kubeDirect, CA: s.kube.CA}
	controller, err := c.StartController(s.Context(), s.binary, s.said(), "--log-level", "debug")
	s.must(err)
	return controller
}

// takeOver kills the leader in renewals. It returns the time until the standby has done them all, how many certificates
// were issued though they were in their Secrets already, and how many signatures had not come so far.
func (s *scene) takeOver(standby **cluster.Controller, round int) (took time.Duration, twice, lost int) {
	s.Helper()
	work := renewAll(s)
	s.quiet()
	s.vault.Reset()
	s.kube.Reset()
	t, leader := deaths()[round%len(deaths())](s), s.holder()
	work.ask()
	t.felt()
	began := time.Now()
	s.endTaps()
	s.controller = *standby
	led := s.nextLeads(leader, began)
	s.until("take-over", func() string {
		if obstacle := work.undone(); obstacle != "" {
			return obstacle
		}
		return s.disorder()
	})
	took = time.Since(began)
	s.quiet()
	*standby = s.standby()
	// What the dead one had on its way is over after a second; the next leader begins some 9 s later.
	before := func(c cluster.Call) bool { return c.Status < 300 && c.Time.Before(began.Add(time.Second)) }
	signs := s.vault.Count(func(c cluster.Call) bool { return sign(c) && before(c) })
	written := s.kube.Count(func(c cluster.Call) bool { return secretWrite(c) && before(c) })
	later := s.signed() - signs
	twice, lost = max(0, signs-len(held))+max(0, later-(len(held)-written)), signs-written
	s.Logf("round %d: the next leads after %s, in order after %s; %d signatures and %d Secrets by the first, %d signatures by the next",
		round, led.Round(time.Millisecond), took.Round(time.Millisecond), signs, written, later)
	if led > takeoverTime || twice > 0 {
		s.Error("that is too late, or too many")
	}
	return took, twice, lost
}

// nextLeads waits until the lease has another holder, and returns how long that took.
func (s *scene) nextLeads(leader string, began time.Time) time.Duration {
	s.Helper()
	s.until("another leader", func() string {
		if holder := s.holder(); holder == "" || holder == leader {
			return "the lease is held by " + leader
		}
		return ""
	})
	return time.Since(began)
}

// deaths are the ways in which leaders end: before and after each call, and at any time.
func deaths() (all []func(*scene) *trouble) {
	for _, p := range []point{atSecret, atSignature, atPush, atStatus} {
		all = append(all, killAfter(p), killBefore(p, cut), killSoon)
	}
	return all
}

func (s *scene) endTaps() {
	for _, tap := range []*cluster.Tap{s.kube, s.vault, s.admin} {
		tap.Before(nil)
		tap.After(nil)
	}
}

// killSoon kills the leader at any time of its work.
func killSoon(s *scene) *trouble {
	return &trouble{felt: func() {
		time.Sleep(time.Duration(rand.Int64N(int64(80 * time.Millisecond))))
		s.controller.Kill()
	}}
}

// handOver stops the leader in good order while there is work, and returns the time until the standby has done it.
func (s *scene) handOver(standby **cluster.Controller) time.Duration {
	s.Helper()
	work := renewAll(s)
	signed := s.signed()
	work.ask()
	began := time.Now()
	s.must(s.controller.Stop())
	s.controller = *standby
	s.until("hand-over", func() string {
		if obstacle := work.undone(); obstacle != "" {
			return obstacle
		}
		return s.disorder()
	})
	took := time.Since(began)
	s.quiet()
	*standby = s.standby()
	if signs := s.signed() - signed; signs != len(held) || took > takeoverTime/2 { // no lease is waited for
		s.Errorf("handed over after %s, with %d signatures", took, signs)
	}
	return took
}

// leaseFaults are about who leads.
func leaseFaults() []fault {
	rows := []fault{
		{name: "deleted manually", begin: leaseDeleted},
		{name: "taken by another holder that does nothing", begin: leaseTaken},
		{name: "lost: the leader of two is cut off after a signature, and its write arrives when the other is the leader", begin: cutOff, work: renewHeld, lost: 1, after: single},
	}
	for i := range rows {
		rows[i].part, rows[i].hold = "lease", hold
	}
	return rows
}

func leaseDeleted(s *scene) *trouble {
	return &trouble{felt: func() { s.must(s.ExpireLease(s.Context())) }}
}

func (s *scene) lease() *coordinationv1.Lease {
	s.Helper()
	lease := &coordinationv1.Lease{}
	s.exists(lease, "apisix-certs", "apisix-certs")
	return lease
}

func (s *scene) holder() string {
	s.Helper()
	if holder := s.lease().Spec.HolderIdentity; holder != nil {
		return *holder
	}
	return ""
}

// leaseTaken gives the lease to nobody: the leader must end by itself, and the next waits until it is over.
func leaseTaken(s *scene) *trouble {
	s.nextLeads("", time.Now())
	return &trouble{
		felt: func() {
			for ended := false; !ended; { // the leader may write at the same time
				lease, holder := s.lease(), nobody
				lease.Spec.HolderIdentity = &holder
				_ = s.Client.Update(s.Context(), lease)
				select {
				case <-s.controller.Ended():
					ended = true
				case <-time.After(time.Second):
				}
			}
		},
		end: func() {
			s.must(s.startController(s.Context()))
			s.nextLeads(nobody, time.Now())
		},
	}
}

// nobody holds a lease in the place of a controller.
const nobody = "nobody"

// cutOff silences the API server for the leader when it has had a certificate signed, until the standby leads.
func cutOff(s *scene) *trouble {
	s.nextLeads("", time.Now())
	standby, leader := s.standby(), s.holder()
	felt := make(chan struct{}, 100)
	s.vault.After(func(c cluster.Call) {
		if sign(c) {
			s.vault.After(nil)
			s.kubeWire.Suffer(cluster.Trouble{Stall: true})
			felt <- struct{}{}
		}
	})
	return &trouble{
		felt: func() {
			s.await(felt, "nothing was signed")
			s.nextLeads(leader, time.Now())
		},
		end: func() {
			began := time.Now()
			s.kubeWire.Suffer(cluster.Trouble{})
			s.await(s.controller.Ended(), "the old leader goes on")
			s.Logf("the old leader ended %s after it was let on", time.Since(began).Round(time.Millisecond))
			s.controller = standby
		},
	}
}

// single goes on with a controller of a new start, one replica on the wire.
func single(s *scene) {
	s.must(s.controller.Stop())
	s.must(s.startController(s.Context()))
}
