// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"testing"

	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/metrics/metricstest"
)

func TestCounted(t *testing.T) {
	defer metrics.ForgetGateway("default")
	for _, series := range [][]string{
		{"admin_requests_total", "default", "PUT", "ok"}, {"push_duration_seconds", "default"}, {"proofs_total", "default", "served"},
		{"issued_total", "RenewalDue"}, {"issuance_duration_seconds"}, {"renewal_to_served_seconds"}, {"vault_requests_total", "sign", "ok"},
	} {
		if n := metricstest.Added(t, metrics.Use, metrics.Prefix+series[0], series[1:]...); n != 1 {
			t.Errorf("%v rises by %v", series, n)
		}
	}
}
