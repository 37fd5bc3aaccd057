// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// certificates are the series of ApisixCertificates. They are made from the few bytes kept here when somebody asks: a
// cluster may have ten thousand ApisixCertificates, and a gauge of each takes three kilobytes.
var certificates = register(&certificateSeries{all: map[types.NamespacedName]Certificate{}, gauges: []certificateGauge{
	{describe("expiry_timestamp_seconds",
		"When the certificate of an ApisixCertificate ends, in seconds since 1970."), func(c Certificate) (float64, bool) { return seconds(c.NotAfter) }},
	{describe("not_before_timestamp_seconds",
		"When the certificate of an ApisixCertificate begins to be valid, in seconds since 1970."), func(c Certificate) (float64, bool) { return seconds(c.NotBefore) }},
	{describe("renewal_timestamp_seconds",
		"When the certificate of an ApisixCertificate is due to be renewed, in seconds since 1970. None where somebody else renews it."), func(c Certificate) (float64, bool) { return seconds(c.RenewAt) }},
	{describe("ready",
		"Whether an ApisixCertificate is Ready: 1 or 0. None while that is unknown."), func(c Certificate) (float64, bool) { return holds(c.Ready) }},
	{describe("served",
		"Whether handshakes with its gateways showed the certificate of an ApisixCertificate: 1 or 0. None where nothing was asked."), func(c Certificate) (float64, bool) { return holds(c.Served) }},
}})

type certificateSeries struct {
	gauges []certificateGauge

	mu  sync.Mutex
	all map[types.NamespacedName]Certificate
}

// certificateGauge takes its value from what is known of a certificate; false: there is no series.
type certificateGauge struct {
	desc  *prometheus.Desc
	value func(Certificate) (float64, bool)
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, []string{"namespace", "name"}, nil)
}

// Describe tells of the series.
func (s *certificateSeries) Describe(descs chan<- *prometheus.Desc) {
	for _, g := range s.gauges {
		descs <- g.desc
	}
}

// Collect makes the series.
func (s *certificateSeries) Collect(series chan<- prometheus.Metric) {
	s.mu.Lock()
	all := maps.Clone(s.all) // who reads the series may be slow
	s.mu.Unlock()
	for key, c := range all {
		labels := []*dto.LabelPair{{Name: ptr.To("name"), Value: &key.Name}, {Name: ptr.To("namespace"), Value: &key.Namespace}} // sorted
		for _, g := range s.gauges {
			if v, ok := g.value(c); ok {
				series <- &certificateMetric{g.desc, labels, v}
			}
		}
	}
}

// certificateMetric is a series whose labels are shared by all series of its certificate, which halves the memory of an answer.
type certificateMetric struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	value  float64
}

// Desc tells of the series.
func (m *certificateMetric) Desc() *prometheus.Desc { return m.desc }

// Write fills in the series.
func (m *certificateMetric) Write(out *dto.Metric) error {
	out.Label, out.Gauge = m.labels, &dto.Gauge{Value: &m.value}
	return nil
}

// Certificate is how an ApisixCertificate stands. What is zero, or Unknown, is not known and has no series.
type Certificate struct {
	NotBefore, NotAfter, RenewAt time.Time
	Ready, Served                metav1.ConditionStatus
}

// SetCertificate tells how an ApisixCertificate stands now.
func SetCertificate(key types.NamespacedName, c Certificate) {
	certificates.mu.Lock()
	defer certificates.mu.Unlock()
	certificates.all[key] = c
}

// ForgetCertificate drops the series of an ApisixCertificate.
func ForgetCertificate(key types.NamespacedName) {
	certificates.mu.Lock()
	defer certificates.mu.Unlock()
	delete(certificates.all, key)
}

func seconds(at time.Time) (float64, bool) { return float64(at.Unix()), !at.IsZero() }

func holds(status metav1.ConditionStatus) (value float64, known bool) {
	if status == metav1.ConditionTrue {
		value = 1
	}
	return value, status == metav1.ConditionTrue || status == metav1.ConditionFalse
}
