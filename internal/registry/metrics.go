// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/controllers/metrics"
)

// measureRequest counts a request to the Admin API of a gateway, and notes whether it can be used.
func measureRequest(gateway string, call apisix.Call) {
	outcome := outcomeOf(call.Err)
	metrics.AdminRequest(gateway, call.Method, outcome)
	metrics.SetGatewayUp(gateway, outcome != metrics.Transient && outcome != metrics.Setup)
}

// outcomeOf takes the answer that an object does not exist for a good one.
func outcomeOf(err error) metrics.Outcome {
	switch {
	case err == nil, apisix.IsNotFound(err):
		return metrics.OK
	case apisix.IsConflict(err):
		return metrics.Conflict
	case apisix.IsUnavailable(err):
		return metrics.Transient
	case apisix.IsUnauthorized(err), apisix.IsForbidden(err), apisix.IsForeign(err):
		return metrics.Setup
	}
	return metrics.User
}

// ForgetUnused drops the metrics of gateways that no IngressClass names any more.
func (r *Registry) ForgetUnused(ctx context.Context) {
	classes, err := r.classes(ctx)
	if err != nil {
		return // the next change calls it again
	}
	used := map[string]bool{FlagsName: true}
	for i := range classes {
		chosen, _ := choiceOf(&classes[i]) // one at fault has a name too
		used[chosen.name] = true
	}
	r.known.mu.Lock()
	defer r.known.mu.Unlock()
	for name := range r.known.entries {
		if !used[name] {
			metrics.ForgetGateway(name)
		}
	}
}
