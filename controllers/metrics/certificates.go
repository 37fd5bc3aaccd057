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
var certificates = register(&certificateSeries{all: map[types.NamespacedName]standing{}, gauges: []certificateGauge{
	{describe("expiry_timestamp_seconds",
		"When the certificate of an ApisixCertificate ends, in seconds since 1970."), func(s standing) (float64, bool) { return seconds(s.notAfter) }},
	{describe("not_before_timestamp_seconds",
		"When the certificate of an ApisixCertificate begins to be valid, in seconds since 1970."), func(s standing) (float64, bool) { return seconds(s.notBefore) }},
	{describe("renewal_timestamp_seconds",
		"When the certificate of an ApisixCertificate is due to be renewed, in seconds since 1970. None where somebody else renews it."), func(s standing) (float64, bool) { return seconds(s.renewAt) }},
	{describe("ready",
		"Whether an ApisixCertificate is Ready: 1 or 0. None while that is unknown."), func(s standing) (float64, bool) { return holds(s.ready) }},
	{describe("served",
		"Whether handshakes with its gateways showed the certificate of an ApisixCertificate: 1 or 0. None where nothing was asked."), func(s standing) (float64, bool) { return holds(s.served) }},
}})

type certificateSeries struct {
	gauges []certificateGauge

	mu  sync.Mutex
	all map[types.NamespacedName]standing
}

// standing is a Certificate in a quarter of its size.
type standing struct {
	notBefore, notAfter, renewAt int64 // seconds since 1970; 0: not known
	ready, served                int8  // 1 or 0; unknown
}

const unknown = -1

// certificateGauge takes its value from what is known of a certificate; false: there is no series.
type certificateGauge struct {
	desc  *prometheus.Desc
	value func(standing) (float64, bool)
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
	certificates.all[key] = standing{unix(c.NotBefore), unix(c.NotAfter), unix(c.RenewAt), truth(c.Ready), truth(c.Served)}
}

// ForgetCertificate drops the series of an ApisixCertificate.
func ForgetCertificate(key types.NamespacedName) {
	certificates.mu.Lock()
	defer certificates.mu.Unlock()
	delete(certificates.all, key)
}

func unix(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

func truth(status metav1.ConditionStatus) int8 {
	switch status {
	case metav1.ConditionTrue:
		return 1
	case metav1.ConditionFalse:
		return 0
	}
	return unknown
}

func seconds(at int64) (float64, bool) { return float64(at), at != 0 }

func holds(truth int8) (float64, bool) { return float64(truth), truth != unknown }
