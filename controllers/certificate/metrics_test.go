// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/metrics/metricstest"
)

func TestKindsOfFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want metrics.Outcome
	}{
		{"sealed", &vault.Error{Kind: vault.Transient}, metrics.Transient},
		{"no such role", &vault.Error{Kind: vault.Setup}, metrics.Setup},
		{"name refused", &vault.Error{Kind: vault.User}, metrics.User},
		{"credentials", &issuer.CredentialsError{}, metrics.Setup},
		{"bad answer", &certs.ResponseError{}, metrics.Setup},
		{"bad field", certs.FieldError{}, metrics.User},
		{"gateway away", &apisix.NetworkError{Err: errors.New("refused")}, metrics.Transient},
		{"bad admin key", &apisix.APIError{Status: 401}, metrics.Setup},
		{"settings", &gateway.SetupError{}, metrics.Setup},
		{"mode", &gateway.ModeError{}, metrics.Setup},
		{"CA of clients", &gateway.ClientError{}, metrics.User},
		{"unknown", errors.New("x"), metrics.Transient},
	} {
		if got := kindOf(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestRenewalToServed: the time from the Secret to the proof is told once, when all gateways that could be asked show the
// certificate.
func TestRenewalToServed(t *testing.T) {
	served, unserved := gateway.Proof{Attempted: true, Served: true}, gateway.Proof{Attempted: true}
	cert := lasting(-day, day, 2*day)
	r := &Reconciler{Clock: clocktesting.NewFakeClock(now.Add(time.Second))}
	told := func(gateways ...gateway.Result) float64 {
		return metricstest.Added(t, func() { r.measureServed(cert, gateways) }, "apisix_certs_renewal_to_served_seconds")
	}
	r.memory.noteWritten(cert.UID, now)
	for _, c := range []struct {
		name     string
		gateways []gateway.Result
		want     float64
	}{
		{"nothing asked", []gateway.Result{{}}, 0},
		{"one lags", []gateway.Result{{Proof: served}, {Proof: unserved}}, 0},
		{"one fails", []gateway.Result{{Proof: served}, {Err: errors.New("x")}}, 0},
		{"all show it", []gateway.Result{{Proof: served}, {}}, 1},
		{"again", []gateway.Result{{Proof: served}}, 0},
	} {
		if got := told(c.gateways...); got != c.want {
			t.Errorf("%s: told %v times", c.name, got)
		}
	}
	r.memory.noteWritten(cert.UID, now)
	r.memory.forget(cert.UID)
	if got := told(gateway.Result{Proof: served}); got != 0 {
		t.Error("told of a certificate that has gone")
	}
}
