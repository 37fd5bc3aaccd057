// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
)

// TestUnmissed: of a wait for a turn nothing is said only while the certificate is as specified and lasts longer than the wait, and for
// five minutes at most.
func TestUnmissed(t *testing.T) {
	now := time.Now()
	for _, row := range []struct {
		name   string
		reason certs.Reason
		until  time.Duration // that the certificate is valid
		wait   time.Duration
		want   bool
	}{
		{"a renewal", certs.RenewalDue, time.Hour, time.Minute, true},
		{"a renewal, for long", certs.RenewalDue, time.Hour, 5 * time.Minute, false},
		{"a renewal, past the end", certs.RenewalDue, time.Minute, 2 * time.Minute, false},
		{"a first certificate", certs.SecretMissing, 0, time.Minute, false},
		{"names that are not in it", certs.NamesDiffer, time.Hour, time.Minute, false},
	} {
		done := plan.Results{Issuing: plan.Issuing{Why: certs.Decision{Reason: row.reason, ValidUntil: now.Add(row.until)}}}
		done.Fail(&vault.BusyError{NotBefore: now.Add(row.wait)}, now)
		if done.WaitsUnreported() != row.want || (done.Pending == nil) != row.want {
			t.Errorf("%s: unmissed %v, pending %v", row.name, done.WaitsUnreported(), done.Pending)
		}
	}
}
