// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs"
)

// change is a row of the table "When the mode changes" in docs/coexistence.md.
type change struct {
	name string
	from string   // mode
	args []string // of our controller
	to   string   // mode
	// steps are what changes, one after the other. After each a renewal must be served.
	steps []func(*world)
}

// A prober shakes hands all the time. At no moment an expired certificate is served, or one that was replaced before; each renewal
// is; and in the end nothing of ours is left beside the ingress controller's objects, and nothing at all after the deletion.
var changes = []change{
	{"class_2x_appears", modeOwn, nil, modeAdopt2, []func(*world){
		func(w *world) { w.become(modeAdopt2) }, (*world).startTheirs,
	}},
	{"class_1_8_appears", modeOwn, nil, modeAdopt18, []func(*world){
		func(w *world) { w.become(modeAdopt18) }, (*world).restartOurs, (*world).startTheirs,
	}},
	{"1_8_goes_and_comes", modeAdopt18, nil, modeAdopt18, []func(*world){
		(*world).stopTheirs, (*world).startTheirs,
	}},
	{"1_8_becomes_2x", modeAdopt18, nil, modeAdopt2, []func(*world){
		(*world).stopTheirs, func(w *world) { w.deleteClass(); w.become(modeAdopt2) }, (*world).startTheirs,
	}},
	{"2x_goes_with_its_class", modeAdopt2, nil, modeAdopt2, []func(*world){
		(*world).stopTheirs, (*world).deleteClass, (*world).restartOurs,
	}},
	{"gateway_turns_standalone", modeAdopt2, nil, modeSecret, []func(*world){
		func(w *world) { w.stopTheirs(); w.turnStandalone(); w.mode = modeSecret; w.startTheirs() },
	}},
	{"own_gateway_turns_standalone", modeOwn, nil, modeSecret, []func(*world){
		func(w *world) { w.turnStandalone(); w.become(modeSecret); w.startTheirs() },
	}},
	{"gateway_turns_from_standalone", modeSecret, nil, modeAdopt2, []func(*world){
		func(w *world) { w.stopTheirs(); w.turnFromStandalone(); w.mode = modeAdopt2; w.startTheirs() },
	}},
	{"flag_from_own_to_adopt", modeOwn, []string{"--push-mode", "own"}, modeAdopt18, []func(*world){
		func(w *world) { w.become(modeAdopt18); w.startTheirs() }, func(w *world) { w.args = []string{"--push-mode", "adopt"}; w.restartOurs() },
	}},
}

func TestModeChanges(t *testing.T) {
	expired, older, left := 0, 0, 0
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			given.needDouble(t, c.from)
			given.needDouble(t, c.to)
			w := newWorld(t, c.from, c.args...)
			m := w.managed("ApisixTls", strings.ReplaceAll(c.name, "_", "-"))
			m.create()
			t.Cleanup(func() { _ = w.Client.Delete(context.Background(), m.object()) })
			m.wantServed(30 * time.Second)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			seen, begun := make(chan sight, 1), make(chan struct{})
			go func() { seen <- w.watchServed(ctx, m.hosts[0], begun) }()
			<-begun
			for i, step := range c.steps {
				step(w)
				m.renew()
				began := time.Now()
				m.wantServed(40 * time.Second)
				t.Logf("step %d: renewal served after %s", i, time.Since(began).Round(time.Millisecond))
			}
			if w.mode != c.to {
				t.Fatalf("the mode is %s, want %s", w.mode, c.to)
			}
			w.eventually(30*time.Second, func(context.Context) (bool, string) {
				own, theirs := m.objects()
				return own == 0 && theirs == 1, fmt.Sprintf("there are %d ssl objects of ours and %d of the ingress controller", own, theirs)
			})
			w.quiet()
			stop()
			shown := <-seen
			expired += shown.expired
			older += shown.older()
			if shown.expired > 0 || shown.older() > 0 || len(shown.order) < len(c.steps)+1 {
				t.Errorf("served were %v, one after the other, and in %d handshakes an expired one: want %d and no expired one", shown.order, shown.expired, len(c.steps)+1)
			}
			w.stopTheirs() // so that nobody else clears up
			m.delete()
			if w.mode != modeSecret {
				m.wantGone(40 * time.Second)
			}
			if own, _ := m.objects(); own > 0 {
				left += own
				t.Errorf("%d ssl objects of ours are left", own)
			}
		})
	}
	t.Logf("measure: mode_changes rows=%d expired_served=%d older_served=%d left_over=%d", len(changes), expired, older, left)
}

// TestModeChangesTable checks that the page has a row for each, and no other.
func TestModeChangesTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/coexistence.md")
	if err != nil {
		t.Fatal(err)
	}
	var told, played []string
	for _, match := range regexp.MustCompile("`TestModeChanges/([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		told = append(told, match[1])
	}
	for _, c := range changes {
		played = append(played, c.name)
	}
	if !slices.Equal(told, played) {
		t.Errorf("the page has rows of %v, and played are %v", told, played)
	}
}

// become lets the class of a mode's ingress controller appear, which does not run yet.
func (w *world) become(mode string) {
	w.mode = mode
	w.makeClass()
}

func (w *world) deleteClass() {
	w.t.Helper()
	if err := w.Client.Delete(w.t.Context(), ingressClass(class, "")); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) restartOurs() {
	w.t.Helper()
	w.stopOurs()
	w.startOurs()
}

// turnStandalone starts the gateway anew in API-driven standalone mode. It serves nothing at first.
func (w *world) turnStandalone() { w.replaceGateway(true) }

// turnFromStandalone starts the gateway anew with an etcd that is empty.
func (w *world) turnFromStandalone() { w.replaceGateway(false) }

func (w *world) replaceGateway(standalone bool) {
	w.t.Helper()
	admin, err := url.Parse(w.real.AdminURL)
	if err != nil {
		w.t.Fatal(err)
	}
	w.apisx.Close()
	w.apisx = standIn(w.t, apisixtest.Options{Standalone: standalone, AdminAddr: admin.Host, TLSAddr: w.real.TLSAddr})
}

// objects counts the ssl objects of the source: our own, and the ingress controller's.
func (m *managed) objects() (own, theirs int) {
	for _, ssl := range m.ssls() {
		switch {
		case !slices.ContainsFunc(ssl.Hosts(), func(host string) bool { return strings.HasPrefix(host, m.name+".") }):
		case strings.HasPrefix(ssl.ID, "ac-"):
			own++
		default:
			theirs++
		}
	}
	return own, theirs
}

// sight is what a host has shown.
type sight struct {
	order   []string // serial numbers, as they followed each other
	expired int      // handshakes with an expired certificate
}

// older counts the turns back to a certificate that was replaced before.
func (s sight) older() (n int) {
	for i, serial := range s.order {
		if slices.Contains(s.order[:i], serial) {
			n++
		}
	}
	return n
}

// watchServed looks at what is served for a host, until ctx ends, and closes begun once it has seen something. That a host shows no certificate is not counted: a 2.x controller
// deletes what it does not know before it puts its own, and a gateway that starts anew has none.
func (w *world) watchServed(ctx context.Context, host string, begun chan<- struct{}) (s sight) {
	addr := w.real.TLSAddr
	for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		leaf, err := served(ctx, addr, host)
		if err != nil {
			continue
		}
		if serial := certs.Serial(leaf); len(s.order) == 0 || s.order[len(s.order)-1] != serial {
			if s.order = append(s.order, serial); len(s.order) == 1 {
				close(begun)
			}
		}
		if time.Now().After(leaf.NotAfter) {
			s.expired++
		}
	}
	return s
}
