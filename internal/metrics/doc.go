// SPDX-License-Identifier: Apache-2.0

// Package metrics keeps the controller's own metrics, on the registry of controller-runtime, which serves them:
//
//	metrics.SetCertificate(key, metrics.Certificate{NotAfter: leaf.NotAfter, Ready: metav1.ConditionTrue})
//	metrics.VaultRequest("sign", metrics.OK)
//	metrics.ForgetCertificate(key) // when the object has gone
//
// docs/metrics.md lists them, and a test compares that page with the registry. Labels hold names of objects and words from
// short lists, never what a tenant can make up: a host, a message or a serial.
//
// The package knows no domain: who calls it says what an error means. Packages that are no controllers have hooks instead,
// see vault.Config and apisix.Options.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Outcome is what came of a request, and the kind of a failure.
type Outcome string

// The outcomes.
const (
	OK        Outcome = "ok"
	Conflict  Outcome = "conflict"  // somebody else wrote at the same time; no failure
	Transient Outcome = "transient" // it may go away by itself: no answer, 5xx, 429
	Setup     Outcome = "setup"     // someone must change the set-up: credentials, rights, addresses
	User      Outcome = "user"      // the object must change, or what is allowed
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
