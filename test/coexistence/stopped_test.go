// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// long tells whether tests may take longer than CI should.
func long() bool { return os.Getenv("APISIX_CERTS_MEASURES") == "long" }

// each plays something for a source of each kind, at the same time for all.
func each(all []*managed, play func(*managed)) {
	for _, m := range all {
		play(m)
	}
}

// ids are the ssl objects of the gateway by host.
func (w *world) ids() map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	for _, ssl := range w.ssls() {
		for _, host := range ssl.Hosts() {
			if ids[host] != "" {
				w.t.Errorf("two ssl objects have host %s", host)
			}
			ids[host] = ssl.ID
		}
	}
	return ids
}

// quiet waits until nobody writes any more, and fails if somebody goes on.
func (w *world) quiet() {
	w.t.Helper()
	last, since := w.tap.Count(writesTLS), time.Now()
	for began := time.Now(); time.Since(since) < 1500*time.Millisecond; time.Sleep(50 * time.Millisecond) {
		if now := w.tap.Count(writesTLS); now != last {
			last, since = now, time.Now()
		}
		if time.Since(began) > 20*time.Second {
			w.t.Fatal("the controllers go on writing ssl objects")
		}
	}
}

// TestAdoptStopped stops the ingress controller and starts it between the moments of sources of each kind. What we write
// in its stead has the ids that it uses itself, so that it takes the objects over, and neither leaves a second one.
func TestAdoptStopped(t *testing.T) {
	for _, mode := range []string{modeAdopt18, modeAdopt2} {
		t.Run(mode, func(t *testing.T) {
			if mode == modeAdopt2 && !long() {
				t.Skip("takes half a minute: set APISIX_CERTS_MEASURES=long; random orders of the same run always")
			}
			w := newWorld(t, mode)
			var all []*managed
			for _, kind := range carriedKinds(mode) {
				all = append(all, w.managed(kind, "stopped-"+strings.ToLower(kind)))
			}
			w.stopTheirs()
			each(all, (*managed).create)
			each(all, func(m *managed) { m.wantServed(30 * time.Second) })
			ours := w.ids()
			w.startTheirs()
			w.quiet()
			if diff := cmp.Diff(ours, w.ids()); diff != "" {
				t.Errorf("the ingress controller has other ids than we gave (-ours +theirs):\n%s", diff)
			}

			w.stopTheirs()
			each(all, (*managed).renew)
			each(all, func(m *managed) { m.wantServed(30 * time.Second) })
			each(all, (*managed).changeHosts)
			each(all, func(m *managed) { m.wantServed(40 * time.Second) })
			ours = w.ids()
			w.startTheirs()
			w.quiet()
			w.wantNewest(all)
			w.compareIDs(ours)

			w.stopTheirs()
			each(all, (*managed).delete)
			each(all, func(m *managed) { m.wantGone(40 * time.Second) })
			w.startTheirs()
			w.quiet()
			each(all, func(m *managed) {
				if id := m.leaked(); id != "" {
					t.Errorf("ssl object %s of %s came back", id, m.name)
				}
			})
		})
	}
}

// wantNewest checks that each source is served as it was when that was waited for.
func (w *world) wantNewest(all []*managed) {
	w.t.Helper()
	each(all, func(m *managed) {
		serial, but := m.look(w.t.Context())
		if but != "" || serial != m.serial {
			w.t.Errorf("%s %s: not served as before: %s", m.kind, m.name, but)
		}
	})
}

func (w *world) compareIDs(ours map[string]string) {
	w.t.Helper()
	if diff := cmp.Diff(ours, w.ids()); diff != "" {
		w.t.Errorf("after the change of hosts, the ingress controller has other ids (-ours +theirs):\n%s", diff)
	}
}
