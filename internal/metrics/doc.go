// SPDX-License-Identifier: Apache-2.0

// Package metrics has the controller's own metrics, on the registry of controller-runtime, which serves them:
//
//	metrics.SetCertificate(key, metrics.Certificate{NotAfter: leaf.NotAfter, Ready: metav1.ConditionTrue})
//	metrics.VaultRequest("sign", metrics.OK)
//	metrics.ForgetCertificate(key) // when the object is deleted
//
// docs/metrics.md lists them, and a test compares that page with the registry. Label values are names of objects and words
// from short lists, never values that a tenant can choose freely: a host, a message or a serial.
//
// The package knows no domain: callers decide what an error means. Packages that are not controllers have hooks instead,
// see vault.Config and apisix.Options.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Outcome is the result of a request, or the kind of a failure.
type Outcome string

// The outcomes.
const (
	OK        Outcome = "ok"
	Conflict  Outcome = "conflict"  // another client wrote at the same time; not a failure
	Transient Outcome = "transient" // a retry may succeed: no response, 5xx, 429
	Setup     Outcome = "setup"     // credentials, permissions or addresses must be corrected
	User      Outcome = "user"      // the object, or what is allowed, must be changed
)

const prefix = "apisix_certs_"

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, labels))
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return register(prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels))
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels))
}

func register[C prometheus.Collector](c C) C {
	metrics.Registry.MustRegister(c)
	return c
}
