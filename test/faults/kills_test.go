// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"net/http"
	"sync"
	"syscall"
	"time"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// point is a call that the controller makes.
type point struct {
	name  string
	tap   func(*world) *cluster.Tap
	match func(cluster.Call) bool
}

func kubeTap(w *world) *cluster.Tap  { return w.kube }
func vaultTap(w *world) *cluster.Tap { return w.vault }
func adminTap(w *world) *cluster.Tap { return w.admin }

var (
	atSignature = point{"the signature", vaultTap, sign}
	atSecret    = point{"the write of the Secret", kubeTap, secretWrite}
	atPush      = point{"the write of the ssl object", adminTap, cluster.Call.Writes}
	atStatus    = point{"the patch of the status", kubeTap, statusWrite}
	atWithdraw  = point{"the deletion of the ssl object", adminTap, deletes}
	atDeletion  = point{"the deletion of the Secret", kubeTap, func(c cluster.Call) bool { return deletes(c) && secretWrite(c) }}
	atFinalizer = point{"the removal of the finalizer", kubeTap, objectWrite}
)

func deletes(c cluster.Call) bool { return c.Method == http.MethodDelete }

// kills are the rows of a controller that is killed (kill -9) before and after each call of each work.
func kills() (rows []fault) {
	for _, w := range []struct {
		name   string
		work   work
		points []point
	}{
		{"first issue", issue, []point{atSignature, atSecret, atPush, atStatus}},
		{"renewal", renewHeld, []point{atSignature, atSecret, atPush, atStatus}},
		{"deletion", remove, []point{atWithdraw, atDeletion, atFinalizer}},
	} {
		for _, p := range w.points {
			name := "killed in a " + w.name + " "
			// Between signature and Secret the key dies with the process.
			rows = append(rows,
				fault{part: "controller", name: name + "before " + p.name, work: w.work, begin: killBefore(p, cut), lost: count(p.name == atSecret.name)},
				fault{part: "controller", name: name + "after " + p.name, work: w.work, begin: killAfter(p), lost: count(p.name == atSignature.name), short: w.name == "renewal" && p.name == atSecret.name})
		}
	}
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT} {
		rows = append(rows, fault{
			part: "controller", name: "crashed (" + signal.String() + ") in a renewal, printing its goroutines", work: renewHeld,
			begin: killBefore(atSecret, crash(signal)), lost: 1, short: signal == syscall.SIGABRT,
			after: func(s *scene) {
				if s.witness.Heard("goroutine 1 ") == 0 {
					s.Error("no crash output was heard")
				}
			},
		})
	}
	return append(rows, fault{
		part: "controller", name: "stopped as a Pod is in renewals, and started again",
		begin: func(s *scene) *trouble {
			return &trouble{felt: func() { s.must(s.controller.Stop()) }, end: func() { s.must(s.startController(s.Context())) }}
		},
	})
}

func count(b bool) int { return map[bool]int{true: 1}[b] }

// death ends a controller.
type death func(*cluster.Controller)

func cut(c *cluster.Controller) { c.Kill() }

func crash(signal syscall.Signal) death { return func(c *cluster.Controller) { c.Crash(signal) } }

// killBefore ends the controller while a request is on its way: the server never sees it.
func killBefore(p point, die death) func(*scene) *trouble {
	return func(s *scene) *trouble {
		t, kill := s.deadly(die)
		p.tap(s.world).Before(func(r *http.Request) http.Handler {
			if !p.match(cluster.CallOf(r)) {
				return nil
			}
			kill()
			return http.NotFoundHandler()
		})
		return t
	}
}

// killAfter ends the controller when the server has done what was asked: its answer never comes.
func killAfter(p point) func(*scene) *trouble {
	return func(s *scene) *trouble {
		t, kill := s.deadly(cut)
		p.tap(s.world).After(func(c cluster.Call) {
			if p.match(c) {
				kill()
			}
		})
		return t
	}
}

// deadly is a trouble that ends the controller at the first call of kill, and starts another one at its end.
func (s *scene) deadly(die death) (t *trouble, kill func()) {
	done, controller := make(chan struct{}), s.controller
	var once sync.Once
	kill = func() {
		once.Do(func() {
			die(controller)
			close(done)
		})
	}
	felt := func() { s.await(done, "the controller never came to this point") }
	end := func() {
		s.endTaps()
		s.must(s.revive())
	}
	return &trouble{felt: felt, end: end}, kill
}

func (s *scene) await(done <-chan struct{}, otherwise string) {
	s.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		s.Fatal(otherwise)
	}
}
