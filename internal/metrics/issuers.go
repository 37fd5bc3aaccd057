// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	issuerReady = gauge("issuer_ready",
		"Whether an issuer was usable at its last check: 1 or 0.", "kind", "namespace", "name")
	issuerCAExpiry = gauge("issuer_ca_expiry_timestamp_seconds",
		"When the CA of an issuer expires, in seconds since 1970. None while not known.", "kind", "namespace", "name")
	issuerCANotBefore = gauge("issuer_ca_not_before_timestamp_seconds",
		"When the CA of an issuer became valid, in seconds since 1970. None while not known.", "kind", "namespace", "name")
)

// Issuer identifies an issuer. Namespace is empty for a cluster-scoped one.
type Issuer struct{ Kind, Namespace, Name string }

// SetIssuer records the state of an issuer. The times are those of its CA, zero if not known.
func SetIssuer(issuer Issuer, ready bool, caNotBefore, caNotAfter time.Time) {
	status := metav1.ConditionFalse
	if ready {
		status = metav1.ConditionTrue
	}
	issuer.set(status, caNotBefore, caNotAfter)
}

// ForgetIssuer removes the series of an issuer.
func ForgetIssuer(issuer Issuer) { issuer.set("", time.Time{}, time.Time{}) }

func (i Issuer) set(ready metav1.ConditionStatus, caNotBefore, caNotAfter time.Time) {
	setStatus(issuerReady, ready, i.Kind, i.Namespace, i.Name)
	setTime(issuerCANotBefore, caNotBefore, i.Kind, i.Namespace, i.Name)
	setTime(issuerCAExpiry, caNotAfter, i.Kind, i.Namespace, i.Name)
}

func setTime(vec *prometheus.GaugeVec, at time.Time, labels ...string) {
	if at.IsZero() {
		vec.DeleteLabelValues(labels...)
		return
	}
	vec.WithLabelValues(labels...).Set(float64(at.Unix()))
}

func setStatus(vec *prometheus.GaugeVec, status metav1.ConditionStatus, labels ...string) {
	if value, known := gaugeValue(truth(status)); known {
		vec.WithLabelValues(labels...).Set(value)
		return
	}
	vec.DeleteLabelValues(labels...)
}
