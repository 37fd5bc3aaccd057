// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/metrics/metricstest"
)

func TestCallsAreCounted(t *testing.T) {
	for _, c := range []struct {
		err  error
		want metrics.Outcome
	}{
		{nil, metrics.OK},
		{&vault.Error{Kind: vault.Transient}, metrics.Transient},
		{&vault.Error{Kind: vault.Setup}, metrics.Setup},
		{&vault.Error{Kind: vault.User}, metrics.User},
		{errors.New("x"), metrics.Transient},
	} {
		if n := metricstest.Added(t, func() { Measure("sign", 200, time.Second, c.err) }, "apisix_certs_vault_requests_total", "sign", string(c.want)); n != 1 {
			t.Errorf("%v: outcome %s counted %v times", c.err, c.want, n)
		}
	}
	if n := metricstest.Added(t, MeasureWait, "apisix_certs_limit_waits_total", "signatures"); n != 1 {
		t.Errorf("%v waits", n)
	}
}

// An issuer is measured by what the last look showed; what is known of its CA stays while Vault is away.
func TestIssuerIsMeasured(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	object := &v1alpha1.VaultIssuer{}
	object.Namespace, object.Name = "measured", "vault"
	key := KeyOf(object)
	s := &Sessions{}
	s.entry(key).observation.CAs = []*x509.Certificate{{NotBefore: at, NotAfter: at.Add(time.Hour)}}
	for _, err := range []error{nil, errors.New("x")} {
		s.measure(object, err)
		ready, _ := metricstest.Value(t, "apisix_certs_issuer_ready", "VaultIssuer", "measured", "vault")
		end, _ := metricstest.Value(t, "apisix_certs_issuer_ca_expiry_timestamp_seconds", "VaultIssuer", "measured", "vault")
		if (ready == 1) != (err == nil) || end != float64(at.Add(time.Hour).Unix()) {
			t.Errorf("%v: ready %v, CA ends %v", err, ready, end)
		}
	}
	s.Forget(key)
	if _, found := metricstest.Value(t, "apisix_certs_issuer_ready", "measured"); found {
		t.Error("a series is left of an issuer that has gone")
	}
}
