// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// measureRequest counts a request to the Admin API of a gateway, and records whether the gateway is usable.
func measureRequest(gateway string, call apisix.Call) {
	outcome := outcomeOf(call.Err)
	metrics.AdminRequest(gateway, call.Method, outcome)
	metrics.SetGatewayUp(gateway, outcome != metrics.Transient && outcome != metrics.Setup)
}

// outcomeOf counts the response that an object does not exist as a success.
func outcomeOf(err error) metrics.Outcome {
	switch {
	case err == nil, apisix.IsNotFound(err):
		return metrics.OK
	case apisix.IsConflict(err):
		return metrics.Conflict
	case apisix.IsUnavailable(err):
		return metrics.Transient
	case apisix.IsUnauthorized(err), apisix.IsForbidden(err), apisix.IsNotAdminAPI(err):
		return metrics.Setup
	}
	return metrics.User
}
