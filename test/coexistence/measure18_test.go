// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

// TestMeasure18 renews and deletes many sources beside the real 1.8.4: healthy, then stopped for half of it. CI does the
// first alone, with few: TestAdoptStopped has it stopped.
func TestMeasure18(t *testing.T) {
	w := newWorld(t, modeAdopt18)
	if !long() {
		w.measure(6, false)
		return
	}
	w.measure(50, false)
	w.measure(50, true)
}

func (w *world) measure(n int, stopped bool) {
	var all []*managed
	kinds := carriedKinds(w.mode)
	for i := range n {
		all = append(all, w.managed(kinds[i%len(kinds)], fmt.Sprintf("measure-%t-%d", stopped, i)))
	}
	each(all, (*managed).create)
	each(all, func(m *managed) { m.wantServed(time.Minute) })
	w.quiet()
	reverts := w.watchReverts()
	w.tap.Reset()
	halves := [][]*managed{all[:n/2], all[n/2:]}
	w.halves(halves, stopped, func(half []*managed) {
		each(half, (*managed).renew)
		each(half, func(m *managed) { m.wantServed(time.Minute) })
	})
	w.quiet()
	w.wantNewest(all)
	reverted := reverts()
	w.halves(halves, stopped, func(half []*managed) {
		each(half, (*managed).delete)
		each(half, func(m *managed) { m.wantGone(time.Minute) })
	})
	w.quiet()
	leaks := len(w.ssls())
	controller := "healthy"
	if stopped {
		controller = "stopped_for_half"
	}
	fmt.Printf("measure: coexistence_1_8 renewals=%d deletions=%d leaks=%d reverts=%d writes_ours=%d writes_theirs=%d controller=%s\n",
		n, n, leaks, reverted, w.oursWrote(), w.theirsWrote(), controller)
	if leaks > 0 || reverted > 0 {
		w.t.Errorf("%d ssl objects are left, and %d times an older certificate came back", leaks, reverted)
	}
}

// halves plays the first half beside a running ingress controller, and the second with it stopped where wanted.
func (w *world) halves(halves [][]*managed, stopped bool, play func([]*managed)) {
	w.t.Helper()
	play(halves[0])
	if stopped {
		w.stopTheirs()
		defer w.startTheirs()
	}
	play(halves[1])
}

// watchReverts looks at the gateway's ssl objects until stop is called, which tells how often an object went back to a
// certificate that it had before.
func (w *world) watchReverts() (stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	reverts := 0
	group.Go(func() {
		had, now := map[string]map[string]bool{}, map[string]string{}
		for ; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
			for _, ssl := range w.ssls() {
				chain, err := certs.ParseCertificates([]byte(ssl.Cert))
				if err != nil || now[ssl.ID] == certs.Fingerprint(chain[0]) {
					continue
				}
				print := certs.Fingerprint(chain[0])
				if had[ssl.ID] == nil {
					had[ssl.ID] = map[string]bool{}
				}
				if had[ssl.ID][print] {
					reverts++
				}
				had[ssl.ID][print], now[ssl.ID] = true, print
			}
		}
	})
	return func() int {
		cancel()
		group.Wait()
		return reverts
	}
}
