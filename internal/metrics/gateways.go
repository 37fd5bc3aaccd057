// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	gatewayUp = gauge("gateway_up",
		"Whether the Admin API of a gateway responded to the last request, and accepted the admin key and the client's address: 1 or 0.", "gateway")
	gatewayInsecure = gauge("gateway_insecure",
		"Whether the certificate of a gateway's Admin API is not verified (tlsVerify: false of its GatewayProxy): 1 or 0.", "gateway")
	adminRequests = counter("admin_requests_total",
		"Requests to the Admin API of a gateway, each attempt at an endpoint, by HTTP method and outcome.", "gateway", "method", "outcome")
	pushDuration = histogram("push_duration_seconds",
		"How long it took to write a certificate to a gateway through its Admin API.", pushBuckets, "gateway")
	proofs = counter("proofs_total",
		"Verifications of what a gateway serves, by result: served, or why not. One verification is all handshakes for one certificate.", "gateway", "result")
)

// pushBuckets: a write takes some milliseconds, and its timeout is 10 s.
var pushBuckets = []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// SetGatewayUp records whether a gateway is usable.
func SetGatewayUp(gateway string, up bool) {
	value := 0.0
	if up {
		value = 1
	}
	gatewayUp.WithLabelValues(gateway).Set(value)
}

// SetGatewayInsecure records whether the certificate of a gateway's Admin API is not verified.
func SetGatewayInsecure(gateway string, insecure bool) {
	value := 0.0
	if insecure {
		value = 1
	}
	gatewayInsecure.WithLabelValues(gateway).Set(value)
}

// AdminRequest counts a request to the Admin API of a gateway.
func AdminRequest(gateway, method string, outcome Outcome) {
	adminRequests.WithLabelValues(gateway, method, string(outcome)).Inc()
}

// Pushed records how long a write to a gateway took.
func Pushed(gateway string, took time.Duration) {
	pushDuration.WithLabelValues(gateway).Observe(took.Seconds())
}

// Proof counts a verification. result is "served", or a word for why not.
func Proof(gateway, result string) { proofs.WithLabelValues(gateway, result).Inc() }

// ForgetGateway removes the series of a gateway.
func ForgetGateway(gateway string) {
	all := prometheus.Labels{"gateway": gateway}
	gatewayUp.DeletePartialMatch(all)
	gatewayInsecure.DeletePartialMatch(all)
	adminRequests.DeletePartialMatch(all)
	pushDuration.DeletePartialMatch(all)
	proofs.DeletePartialMatch(all)
}
