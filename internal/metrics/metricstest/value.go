// SPDX-License-Identifier: Apache-2.0

// Package metricstest reads metrics in tests.
package metricstest

import (
	"slices"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"apisix-certs.io/apisix-certs/internal/metrics"
)

// Value returns the value of the series with this name and these label values, in any order. For a histogram it is the
// number of observations. found is false if there is no such series.
func Value(t testing.TB, name string, labels ...string) (value float64, found bool) {
	t.Helper()
	families, err := metrics.Gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && has(m, labels) {
				return valueOf(m), true
			}
		}
	}
	return 0, false
}

// Added returns by how much Value increases while do runs. A missing series counts as 0.
func Added(t testing.TB, do func(), name string, labels ...string) float64 {
	t.Helper()
	before, _ := Value(t, name, labels...)
	do()
	after, _ := Value(t, name, labels...)
	return after - before
}

func has(m *dto.Metric, labels []string) bool {
	for _, want := range labels {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == want }) {
			return false
		}
	}
	return true
}

func valueOf(m *dto.Metric) float64 {
	switch {
	case m.GetHistogram() != nil:
		return float64(m.GetHistogram().GetSampleCount())
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	}
	return m.GetGauge().GetValue()
}
