// SPDX-License-Identifier: Apache-2.0

// Package alerts tests the alerts and the dashboard of the chart with Prometheus as a library: which alerts fire on which
// series, and that every metric that is asked for is one that the controller has.
//
// It is a module of its own, so that the product does not depend on Prometheus.
package alerts
