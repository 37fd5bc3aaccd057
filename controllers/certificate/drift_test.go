// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"testing"

	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// TestDrifted: a gateway that was too busy to be observed says nothing, so that a run has to find out. With a hundred missing
// objects, one was forgotten in this way until the next comparison.
func TestDrifted(t *testing.T) {
	for _, row := range []struct {
		name string
		at   plan.GatewayState
		verb gateway.Verb
		what metrics.Drift
		want bool
	}{
		{"as written", plan.GatewayState{State: gateway.State{Objects: []gateway.Object{{}}}}, gateway.ActionKeep, metrics.Differs, false},
		{"missing", plan.GatewayState{}, gateway.ActionPut, metrics.Missing, true},
		{"different", plan.GatewayState{State: gateway.State{Objects: []gateway.Object{{}}}}, gateway.ActionPut, metrics.Differs, true},
		{"too busy", plan.GatewayState{Err: &gateway.BusyError{}}, "", metrics.Differs, true},
		{"no response", plan.GatewayState{Err: errors.New("connection refused")}, "", metrics.Differs, false},
	} {
		s := plan.Snapshot{Gateways: plan.GatewayStates{At: []plan.GatewayState{row.at}}}
		p := plan.Plan{Gateways: []plan.GatewayAction{{Action: gateway.Action{Verb: row.verb}}}}
		if what, got := drifted(&s, &p); got != row.want || got && what != row.what {
			t.Errorf("%s: %q, %t", row.name, what, got)
		}
	}
}
