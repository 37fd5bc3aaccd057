// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// TestAdoptWritesInFlight: patches beside an ingress controller, and what is made in its stead, are under the same limit as
// own objects.
func TestAdoptWritesInFlight(t *testing.T) {
	const n = 40
	s := newAdoptScene(t)
	var targets []Target
	for i := range 2 * n {
		host := fmt.Sprintf("a%d.example.com", i)
		target := s.target(fmt.Sprintf("u%d", i), host)
		use := Use{Kind: "ApisixTls", Namespace: "shop", Name: fmt.Sprintf("tls%d", i), Hosts: []string{host}, Controller: controllerClass2}
		target.Name, target.Uses, target.SecretName = fmt.Sprintf("web%d", i), []Use{use}, fmt.Sprintf("tls%d", i)
		if i < n { // the others are missing, and made
			old := s.target(target.UID, host)
			s.putRaw(apisix.SSL{ID: controllerID(Line2, use, ""), SNIs: use.Hosts, Cert: string(old.Cert), Key: string(old.Key), Labels: s.controllerLabels(Line2, use, target)})
		}
		targets = append(targets, target)
	}
	s.refresh()
	var now, most atomic.Int64
	s.Admin = slowClient(t, s.ownScene, &now, &most)
	s.pushMany(targets)
	s.fake.Step(controllerGrace)
	failed := s.pushMany(targets)
	if puts := s.count(http.MethodPut) - n - 1; failed > 0 || s.patches() != n || puts != n {
		t.Errorf("%d failed, %d patched, %d made", failed, s.patches(), puts)
	}
	if most.Load() > writesInFlight || most.Load() < 2 {
		t.Errorf("%d at a time", most.Load())
	}
}

// count is how many requests of a method there were.
func (s *adoptScene) count(method string) int {
	return len(slices.DeleteFunc(s.standIn.Calls(), func(c apisixtest.Call) bool { return c.Method != method }))
}

// TestTurnsInOrder: those that wait to write go in the order in which they came, which is that of the queue: by urgency.
func TestTurnsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gateway{}
		var leave []func()
		for range writesInFlight {
			done, err := g.turn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, done)
		}
		var got []int
		for i := range 20 {
			go func() {
				done, err := g.turn(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				got = append(got, i)
				done()
			}()
			synctest.Wait()
		}
		if len(got) > 0 {
			t.Errorf("%v did not wait", got)
		}
		leave[0]()
		synctest.Wait()
		if len(got) != 20 || !slices.IsSorted(got) {
			t.Errorf("%v", got)
		}
		for _, done := range leave[1:] {
			done()
		}
	})
}
