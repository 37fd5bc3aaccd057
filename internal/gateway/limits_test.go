// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
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
		ref := Reference{Kind: "ApisixTls", Namespace: "shop", Name: fmt.Sprintf("tls%d", i), Hosts: []string{host}, Controller: ingresscontroller.Class2}
		target.Name, target.References, target.SecretName = fmt.Sprintf("web%d", i), []Reference{ref}, fmt.Sprintf("tls%d", i)
		if i < n { // the others are missing, and made
			old := s.target(target.UID, host)
			s.putRaw(apisix.SSL{ID: ingresscontroller.V2.ID(ref.source("")), SNIs: ref.Hosts, Cert: string(old.Cert), Key: string(old.Key), Labels: theirs{}.labelsFor(ingresscontroller.V2, ref, target)})
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
	if most.Load() > maxConcurrentWrites || most.Load() < 2 {
		t.Errorf("%d at a time", most.Load())
	}
}

// count is how many requests of a method there were.
func (s *adoptScene) count(method string) int {
	return len(slices.DeleteFunc(s.standIn.Calls(), func(c apisixtest.Call) bool { return c.Method != method }))
}
