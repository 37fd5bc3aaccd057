// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/metrics/metricstest"
)

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want metrics.Outcome
		up   float64
	}{
		{"done", nil, metrics.OK, 1},
		{"not there", &apisix.APIError{Status: 404}, metrics.OK, 1},
		{"written by another", &apisix.APIError{Status: 503, Message: "value changed before overwritten"}, metrics.Conflict, 1},
		{"no answer", &apisix.NetworkError{Err: context.DeadlineExceeded}, metrics.Transient, 0},
		{"etcd away", &apisix.APIError{Status: 503}, metrics.Transient, 0},
		{"bad key", &apisix.APIError{Status: 401}, metrics.Setup, 0},
		{"not allowed", &apisix.APIError{Status: 403}, metrics.Setup, 0},
		{"a proxy", &apisix.APIError{Status: 404, NotAdminAPI: true}, metrics.Setup, 0},
		{"bad object", &apisix.APIError{Status: 400}, metrics.User, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer metrics.ForgetGateway("of-outcomes")
			measureRequest("of-outcomes", apisix.Call{Method: "PATCH", Err: c.err})
			if n, _ := metricstest.Value(t, "apisix_certs_admin_requests_total", "of-outcomes", "PATCH", string(c.want)); n != 1 {
				t.Errorf("%v requests with outcome %s", n, c.want)
			}
			if up, _ := metricstest.Value(t, "apisix_certs_gateway_up", "of-outcomes"); up != c.up {
				t.Errorf("up is %v", up)
			}
		})
	}
}

// A push and its proof, through a registry: what is counted.
func TestPushIsMeasured(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, &Flags{URLs: []string{server.AdminURL()}, Key: apisix.StaticKey(server.AdminKey()), TLSAddrs: []string{server.TLSAddr()}})
	h.Mode = gateway.ModeOwn
	g := h.one("")
	defer metrics.ForgetGateway(FlagsName)
	push := func(target gateway.Target) {
		state, err := g.Observe(t.Context(), target)
		h.must(err)
		_, _, err = g.Push(t.Context(), state, target)
		h.must(err)
		if proof := g.Prove(t.Context(), target.Hosts, target.Fingerprint); !proof.Served {
			t.Errorf("not served: %+v", proof)
		}
	}
	var web gateway.Target
	for name, labels := range map[string][]string{
		"apisix_certs_push_duration_seconds": {FlagsName},
		"apisix_certs_admin_requests_total":  {FlagsName, "PUT", "ok"},
		"apisix_certs_proofs_total":          {FlagsName, "served"},
	} {
		web = registryTarget(t, "a.example") // a new certificate, so that it is written
		if n := metricstest.Added(t, func() { push(web) }, name, labels...); n != 1 {
			t.Errorf("%s rose by %v", name, n)
		}
	}
	kept := metricstest.Added(t, func() { push(web) }, "apisix_certs_push_duration_seconds", FlagsName)
	unserved := metricstest.Added(t, func() { g.Prove(t.Context(), web.Hosts, "another") }, "apisix_certs_proofs_total", FlagsName, "other_certificate")
	if kept != 0 || unserved != 1 {
		t.Errorf("%v pushes of what was there, %v failed proofs", kept, unserved)
	}
}

func TestFaultyGatewayIsDown(t *testing.T) {
	class := ingressClass("proxied", ingresscontroller.Class2, "config")
	h := newHall(t, nil, class) // its GatewayProxy does not exist
	h.one("proxied")
	if up, found := metricstest.Value(t, "apisix_certs_gateway_up", "apisix/config"); !found || up != 0 {
		t.Errorf("up is %v (%v)", up, found)
	}
	h.ForgetUnused(t.Context())
	if _, found := metricstest.Value(t, "apisix_certs_gateway_up", "apisix/config"); !found {
		t.Error("forgotten while an IngressClass names it")
	}
	h.must(h.objects.Delete(t.Context(), class))
	h.ForgetUnused(t.Context())
	if _, found := metricstest.Value(t, "apisix_certs_gateway_up", "apisix/config"); found {
		t.Error("remembered though no IngressClass names it")
	}
}
