// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/metrics"
	"apisix-certs.io/apisix-certs/controllers/metrics/metricstest"
	"apisix-certs.io/apisix-certs/internal/gateway"
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
		{"bad answer", &certs.AnswerError{}, metrics.Setup},
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

// The time from the Secret to the proof is told once, when all gateways that could be asked show the certificate.
func TestRenewalToServed(t *testing.T) {
	served, unserved := gateway.Proof{Asked: true, Served: true}, gateway.Proof{Asked: true}
	key := types.NamespacedName{Namespace: "ns", Name: "c"}
	var u unproven
	told := func(gateways ...pushed) float64 {
		return metricstest.Added(t, func() { u.look(key, gateways, now.Add(time.Second)) }, "apisix_certs_renewal_to_served_seconds")
	}
	u.wrote(key, now)
	for _, c := range []struct {
		name     string
		gateways []pushed
		want     float64
	}{
		{"nothing asked", []pushed{{}}, 0},
		{"one lags", []pushed{{proof: served}, {proof: unserved}}, 0},
		{"one fails", []pushed{{proof: served}, {err: errors.New("x")}}, 0},
		{"all show it", []pushed{{proof: served}, {}}, 1},
		{"again", []pushed{{proof: served}}, 0},
	} {
		if got := told(c.gateways...); got != c.want {
			t.Errorf("%s: told %v times", c.name, got)
		}
	}
	u.wrote(key, now)
	u.forget(key)
	if got := told(pushed{proof: served}); got != 0 {
		t.Error("told of a certificate that has gone")
	}
}

func TestCertificateIsMeasured(t *testing.T) {
	s := newScene(t)
	s.cert.Status.Issued.NotAfter = &metav1.Time{Time: now}
	s.cert.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}, {Type: v1alpha1.ConditionServed, Status: metav1.ConditionFalse}}
	measure(s.cert)
	for name, want := range map[string]float64{"ready": 1, "served": 0, "expiry_timestamp_seconds": float64(now.Unix())} {
		if got, found := metricstest.Value(t, "apisix_certs_"+name, "ns", "c"); !found || got != want {
			t.Errorf("%s: %v (%v)", name, got, found)
		}
	}
	(&Reconciler{}).forget(types.NamespacedName{Namespace: "ns", Name: "c"})
	if _, found := metricstest.Value(t, "apisix_certs_ready", "ns", "c"); found {
		t.Error("a series is left")
	}
}

func TestDriftIsToldApart(t *testing.T) {
	object := gateway.Object{ID: "x"}
	for _, c := range []struct {
		name  string
		state gateway.State
		want  metrics.Drift
	}{
		{"no object", gateway.State{}, metrics.Missing},
		{"one of two", gateway.State{Objects: []gateway.Object{object}, Adoption: gateway.Adoption{Missing: make([]gateway.Missing, 1)}}, metrics.Missing},
		{"another certificate", gateway.State{Objects: []gateway.Object{object}}, metrics.Differs},
	} {
		if got := driftOf(c.state); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
