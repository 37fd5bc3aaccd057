// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var (
	certificateExpiry = gauge("expiry_timestamp_seconds",
		"When the certificate of an ApisixCertificate ends, in seconds since 1970.", "namespace", "name")
	certificateNotBefore = gauge("not_before_timestamp_seconds",
		"When the certificate of an ApisixCertificate begins to be valid, in seconds since 1970.", "namespace", "name")
	certificateRenewal = gauge("renewal_timestamp_seconds",
		"When the certificate of an ApisixCertificate is due to be renewed, in seconds since 1970. None where somebody else renews it.", "namespace", "name")
	certificateReady = gauge("ready",
		"Whether an ApisixCertificate is Ready: 1 or 0. None while that is unknown.", "namespace", "name")
	certificateServed = gauge("served",
		"Whether handshakes with its gateways showed the certificate of an ApisixCertificate: 1 or 0. None where nothing was asked.", "namespace", "name")
)

// Certificate is how an ApisixCertificate stands. What is zero, or Unknown, is not known and has no series.
type Certificate struct {
	NotBefore, NotAfter, RenewAt time.Time
	Ready, Served                metav1.ConditionStatus
}

// SetCertificate tells how an ApisixCertificate stands now.
func SetCertificate(key types.NamespacedName, c Certificate) {
	setTime(certificateExpiry, c.NotAfter, key.Namespace, key.Name)
	setTime(certificateNotBefore, c.NotBefore, key.Namespace, key.Name)
	setTime(certificateRenewal, c.RenewAt, key.Namespace, key.Name)
	setStatus(certificateReady, c.Ready, key.Namespace, key.Name)
	setStatus(certificateServed, c.Served, key.Namespace, key.Name)
}

// ForgetCertificate drops the series of an ApisixCertificate.
func ForgetCertificate(key types.NamespacedName) { SetCertificate(key, Certificate{}) }

func setTime(vec *prometheus.GaugeVec, at time.Time, labels ...string) {
	if at.IsZero() {
		vec.DeleteLabelValues(labels...)
		return
	}
	vec.WithLabelValues(labels...).Set(float64(at.Unix()))
}

func setStatus(vec *prometheus.GaugeVec, status metav1.ConditionStatus, labels ...string) {
	switch status {
	case metav1.ConditionTrue:
		vec.WithLabelValues(labels...).Set(1)
	case metav1.ConditionFalse:
		vec.WithLabelValues(labels...).Set(0)
	default:
		vec.DeleteLabelValues(labels...)
	}
}
