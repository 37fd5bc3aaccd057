// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// fault is a row of the matrix.
type fault struct {
	part, name string
	// begin lets it happen, before the work is asked for.
	begin func(*scene) *trouble
	// work is what the controller has to do meanwhile. Nil: renewAll.
	work work
	// hold is how long it lasts after it was felt.
	hold time.Duration
	// lost are signatures whose answer cannot reach anybody: the fault takes it. The certificate must be asked for again.
	lost int
	// mayLose are signatures that it may take beside those, as it depends on the moment. A trouble may tell how many it took.
	mayLose int
	// dark is the host for which the gateway itself has no valid certificate to show, until it is mended; or everyHost.
	dark string
	// short: a part of what CI runs.
	short bool
	// after checks more, once all is in order.
	after func(*scene)
}

// trouble is a fault under way.
type trouble struct {
	// felt returns when it has met the controller's work: one that was never felt proves nothing. Nil: it is felt at once.
	felt func()
	// end ends it. Nil: it ends by itself.
	end func()
	// took counts the signatures whose answers it has taken. Nil: that is not known, but from the row.
	took func() int
}

// result is what came of a fault.
type result struct {
	fault
	recovered time.Duration // from the end of the fault until all was in order; 0 where it never was
	meanwhile string
	signs     int
	wanted    int
	orphans   int
	probes    probes
	ok        bool
}

// TestFaults injects one fault after the other.
func TestFaults(t *testing.T) {
	all := matrix()
	checkMatrix(t, all)
	s := newScene(t)
	began := s.signed()
	if began != len(held) {
		t.Errorf("%d signatures for %d certificates", began, len(held))
	}
	s.prober.take()
	var results []result
	for _, f := range all {
		if !f.short && !long() {
			continue
		}
		t.Run(f.part+"/"+f.name, func(t *testing.T) {
			r := &result{fault: f}
			defer func() {
				r.ok = !t.Failed()
				results = append(results, *r)
			}()
			(&scene{T: t, world: s.world}).inject(r)
		})
	}
	tell(t, results)
}

// inject lets a fault happen while there is work, and checks that all is in order again.
func (s *scene) inject(r *result) {
	s.Helper()
	s.Cleanup(s.calm)
	if r.work == nil {
		r.work = renewAll
	}
	s.startAfresh()
	w := r.work(s)
	s.quiet()
	before := signatures{seen: s.signed(), stored: s.stored()}
	s.prober.darken(r.dark)
	t := r.begin(s)
	w.ask()
	if t.felt != nil {
		t.felt()
	}
	if !long() {
		r.hold = min(r.hold, hold/4)
	}
	time.Sleep(r.hold)
	began := time.Now()
	if t.end != nil {
		t.end()
	}
	s.until("recovery", func() string {
		s.keepRunning()
		if obstacle := w.undone(); obstacle != "" {
			return obstacle
		}
		return s.disorder()
	})
	r.recovered = time.Since(began)
	s.prober.darken("")
	s.quiet()
	s.checkSignatures(r, w, t, before)
	s.check(r, w)
}

// startAfresh starts the controller anew before every other fault: of one that runs on, each certificate would be signed once a minute
// after five renewals that were ordered.
func (s *scene) startAfresh() {
	s.Helper()
	if s.injected++; s.injected%2 > 0 {
		return
	}
	s.must(s.controller.Stop())
	s.must(s.startController(s.Context()))
}

// check looks at what the fault has left.
func (s *scene) check(r *result, w *job) {
	s.Helper()
	r.meanwhile = w.what
	for _, orphan := range s.orphans() {
		r.orphans++
		s.Errorf("orphan: %s", orphan)
	}
	s.checkForeign()
	if s.freshExists() {
		s.prober.add(freshHost)
	}
	if r.after != nil {
		r.after(s)
	}
	if r.probes = s.prober.take(); len(r.probes.wrong) > 0 {
		s.Errorf("%d of %d handshakes were wrong, the first: %s", len(r.probes.wrong), r.probes.tries, r.probes.wrong[0])
	}
	if r.probes.tries == 0 {
		s.Error("the prober did nothing")
	}
	s.Logf("in order after %s", r.recovered.Round(time.Millisecond))
}

// signatures are counts before a fault: those seen on their way, and those that Vault knows.
type signatures struct{ seen, stored int }

// checkSignatures holds what Vault has signed to what the work needs and the fault has taken: no more than the row says, and
// where it is known how many, exactly so many.
func (s *scene) checkSignatures(r *result, w *job, t *trouble, before signatures) {
	s.Helper()
	if t.took != nil {
		took := t.took()
		if took < r.lost || took > r.lost+r.mayLose {
			s.Errorf("%d signatures were taken, want %d, or at most %d more", took, r.lost, r.mayLose)
		}
		r.lost, r.mayLose = took, 0
	}
	r.signs, r.wanted = s.signed()-before.seen, w.signs+r.lost
	if r.signs < r.wanted || r.signs > r.wanted+r.mayLose {
		s.Errorf("%d signatures, want %d, or at most %d more", r.signs, r.wanted, r.mayLose)
	}
	if stored := s.stored() - before.stored; stored != r.signs {
		s.Errorf("Vault has stored %d certificates, and %d signatures were seen", stored, r.signs)
	}
}

// quiet waits until nobody was asked for anything that changes it for half a second: what comes too late counts too.
func (s *scene) quiet() {
	s.Helper()
	last, since := -1, time.Now()
	s.until("quiet", func() string {
		now := s.vault.Count(sign) + s.admin.Count(cluster.Call.Writes) + s.kube.Count(secretWrite) + s.kube.Count(statusWrite)
		if now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < 500*time.Millisecond {
			return "there are writes"
		}
		return ""
	})
}

// calm ends every fault that a row may have left under way, so that the next one begins in order.
func (s *scene) calm() {
	s.endTaps()
	for _, wire := range s.wires() {
		wire.Suffer(cluster.Trouble{})
		if err := wire.Restart(); err != nil {
			s.Error(err)
		}
	}
	s.StandIn.SetServeDelay(0)
	select {
	case <-s.controller.Ended():
		if err := s.revive(); err != nil {
			s.Error(err)
		}
	default:
	}
	if s.Failed() {
		_ = s.Vault.Unseal(context.Background())
		s.prober.darken(everyHost)
		_ = s.StandIn.Restart()
		time.Sleep(10 * probePause) // what is on its way counts for this row
		s.prober.take()
	}
	s.prober.darken("")
}

// tell prints the matrix and the measure, and writes the page where asked.
func tell(t *testing.T, results []result) {
	t.Helper()
	injected, recovered, wrong, twice, orphans := 0, 0, 0, 0, 0
	slowest := time.Duration(0)
	for _, r := range results {
		injected++
		if r.ok {
			recovered++
		}
		wrong, orphans = wrong+len(r.probes.wrong), orphans+r.orphans
		twice += max(0, r.signs-r.wanted-r.mayLose)
		slowest = max(slowest, r.recovered)
		t.Logf("%-14s %-60s %6.1f s  %d of %d signatures, %d handshakes, %d wrong, %d without a gateway that can",
			r.part, r.name, r.recovered.Seconds(), r.signs, r.wanted, r.probes.tries, len(r.probes.wrong), r.probes.dark)
	}
	if *update && long() && !t.Failed() {
		writeMatrix(t, results)
	}
	fmt.Printf("measure: faults injected=%d recovered=%d slowest_s=%.1f wrong_handshakes=%d duplicate_issuances=%d orphans=%d\n",
		injected, recovered, slowest.Seconds(), wrong, twice, orphans)
}
