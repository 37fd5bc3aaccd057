// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

// own counts our own ssl objects.
func (w *world) own() (own, theirs int) {
	for _, ssl := range w.ssls() {
		if strings.HasPrefix(ssl.ID, "ac-") {
			own++
			continue
		}
		theirs++
	}
	return own, theirs
}

// TestClassAppears: in mode own an IngressClass of APISIX appears, with it the mode is adopt, and only later the ingress
// controller. At no moment a certificate older than the one before is served, renewals go on, and in the end there is
// nothing but the ingress controller's objects.
func TestClassAppears(t *testing.T) {
	w := newWorld(t, modeOwn)
	m := w.managed("ApisixTls", "appears")
	m.create()
	m.wantServed(30 * time.Second)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	went := make(chan []string, 1)
	go func() { went <- w.watchServed(ctx, m.hosts[0]) }()
	w.mode = modeAdopt2
	w.makeClass()
	for range 2 {
		m.renew()
		m.wantServed(20 * time.Second)
	}
	w.startTheirs()
	w.eventually(30*time.Second, func(context.Context) (bool, string) {
		own, theirs := w.own()
		return own == 0 && theirs == 1, "our own objects do not go, or theirs do not come"
	})
	m.renew()
	m.wantServed(20 * time.Second)
	w.quiet()
	if own, theirs := w.own(); own != 0 || theirs != 1 {
		t.Errorf("there are %d ssl objects of ours and %d of the ingress controller's", own, theirs)
	}
	stop()
	serials := <-went
	if _, deletes := w.double.Writes(); deletes > 0 {
		// Its first sync deletes what it does not know, and only then puts its own. What is between is not ours to mend.
		serials = slices.Compact(slices.DeleteFunc(serials, func(serial string) bool { return serial == noCertificate }))
	}
	if len(serials) != 4 {
		t.Errorf("served were, one after the other, %v: want 4 certificates, each once", serials)
	}
	m.delete()
	m.wantGone(40 * time.Second)
}

// noCertificate stands for a host that shows none.
const noCertificate = "none"

// watchServed gives the serial numbers that are served for a host, in their order, until ctx ends. Where there is none, it
// says so instead.
func (w *world) watchServed(ctx context.Context, host string) []string {
	var seen []string
	for ctx.Err() == nil {
		serial := noCertificate
		if leaf, err := served(ctx, w.apisx.TLSAddr(), host); err == nil {
			serial = certs.Serial(leaf)
		} else if ctx.Err() != nil {
			break
		}
		if len(seen) == 0 || seen[len(seen)-1] != serial {
			seen = append(seen, serial)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return seen
}
