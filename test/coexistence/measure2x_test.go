// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// TestAdoptLoad renews many certificates, some each moment, beside a double whose syncs write what they read a tenth of a second
// before, as the real 2.2.0 does under load. Handshakes go on all the time: none fails, and an ssl object goes back to an older
// certificate in at most one of a hundred renewals. Patched at once it was 42 of a hundred.
func TestAdoptLoad(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	w.stopTheirs()
	w.lag = 100 * time.Millisecond
	w.startTheirs()
	n, rounds := 24, 2
	if long() {
		n, rounds = 200, 5
	}
	var all []*managed
	for i := range n {
		all = append(all, w.managed("ApisixTls", fmt.Sprintf("load-%d", i)))
	}
	each(all, (*managed).create)
	each(all, func(m *managed) { m.wantServed(time.Minute) })
	w.quiet()
	reverts, handshakes := w.watchReverts(), w.watchHandshakes(all[:20])
	w.tap.Reset()
	for range rounds {
		for _, m := range all {
			m.renew()
			time.Sleep(20 * time.Millisecond) // spread, so that syncs are always under way
		}
		each(all, func(m *managed) { m.wantServed(time.Minute) })
	}
	w.quiet()
	w.wantNewest(all)
	made, failed := handshakes()
	reverted, renewals := reverts(), n*rounds
	fmt.Printf("measure: adopt_load renewals=%d reverts=%d writes_ours=%d writes_theirs=%d handshakes=%d failed=%d\n",
		renewals, reverted, w.oursWrote(), w.theirsWrote(), made, failed)
	if reverted*100 > renewals || failed > 0 || made == 0 {
		t.Errorf("%d times an older certificate came back, and %d of %d handshakes failed", reverted, failed, made)
	}
	each(all, (*managed).delete)
	each(all, func(m *managed) { m.wantGone(time.Minute) })
}

// watchHandshakes shakes hands for sources in turn until stop is called, which tells how many handshakes were made and how many of them
// did not show a certificate of their host.
func (w *world) watchHandshakes(all []*managed) (stop func() (made, failed int)) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var count, bad atomic.Int64
	addr := w.real.TLSAddr
	group.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			host := all[i%len(all)].hosts[0]
			leaf, err := served(ctx, addr, host)
			if ctx.Err() != nil {
				return
			}
			if count.Add(1); err != nil || leaf.VerifyHostname(host) != nil || time.Now().After(leaf.NotAfter) {
				bad.Add(1)
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	return func() (int, int) {
		cancel()
		group.Wait()
		return int(count.Load()), int(bad.Load())
	}
}

// TestUnservedSources: an ApisixTls without class, where no IngressClass is the default, is none that 2.x serves. Whatever else goes on,
// we make no ssl object for it, which 2.x would delete with its next sync, and what is missing is told.
func TestUnservedSources(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	served := w.managed("ApisixTls", "served")
	served.create()
	served.wantServed(30 * time.Second)
	unserved := w.managed("ApisixTls without class", "unserved")
	unserved.create()
	defer unserved.delete()
	unserved.wantConditions(30*time.Second, v1alpha1.ConditionPushed+"=False "+v1alpha1.ReasonWaitingForIngressController)
	w.tap.Reset()
	_, before := w.double.Writes()
	for range 4 { // events, each of which lets 2.x sync
		served.renew()
		served.wantServed(30 * time.Second)
	}
	time.Sleep(6 * time.Second) // longer than a controller is waited for that would serve it
	_, deletes := w.double.Writes()
	flaps := deletes - before
	if id := unserved.leaked(); id != "" {
		t.Errorf("ssl object %s is there", id)
	}
	if flaps > 0 {
		t.Errorf("2.x has deleted %d ssl objects", flaps)
	}
	fmt.Printf("measure: unserved_sources events=4 flaps=%d\n", flaps)
	served.delete()
	served.wantGone(40 * time.Second)
}
