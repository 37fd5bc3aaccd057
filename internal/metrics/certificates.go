// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// certificates are the series of ApisixCertificates. They are created from a few bytes per certificate at each scrape, one
// family after the other: a cluster may have ten thousand ApisixCertificates, and a gauge of each needs three kilobytes.
var certificates = &certificateSeries{all: map[types.NamespacedName]certificateState{}, gauges: []certificateGauge{
	{"expiry_timestamp_seconds",
		"When the certificate of an ApisixCertificate expires, in seconds since 1970.", func(s certificateState) (float64, bool) { return seconds(s.notAfter) }},
	{"not_before_timestamp_seconds",
		"When the certificate of an ApisixCertificate becomes valid, in seconds since 1970.", func(s certificateState) (float64, bool) { return seconds(s.notBefore) }},
	{"renewal_timestamp_seconds",
		"When the certificate of an ApisixCertificate is due to be renewed, in seconds since 1970. None if another controller renews it.", func(s certificateState) (float64, bool) { return seconds(s.renewAt) }},
	{"ready",
		"Whether an ApisixCertificate is Ready: 1 or 0. None while unknown.", func(s certificateState) (float64, bool) { return gaugeValue(s.ready) }},
	{"served",
		"Whether handshakes with its gateways showed the certificate of an ApisixCertificate: 1 or 0. None if no gateway was verified.", func(s certificateState) (float64, bool) { return gaugeValue(s.served) }},
}}

type certificateSeries struct {
	gauges []certificateGauge

	mu  sync.Mutex
	all map[types.NamespacedName]certificateState
}

// certificateGauge computes its value from the state of a certificate; false means that there is no series.
type certificateGauge struct {
	name, help string
	value      func(certificateState) (float64, bool)
}

// certificateState is a Certificate in a quarter of its size.
type certificateState struct {
	notBefore, notAfter, renewAt int64 // seconds since 1970; 0 means not known
	ready, served                int8  // 1 or 0; unknown
}

const unknown = -1

// families calls write for each family that has series. write may be slow, so no lock is held for it.
func (s *certificateSeries) families(write func(*dto.MetricFamily) error) error {
	s.mu.Lock()
	all := maps.Clone(s.all)
	s.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(all), func(a, b types.NamespacedName) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, g := range s.gauges {
		family := &dto.MetricFamily{Name: ptr.To(prefix + g.name), Help: &g.help, Type: dto.MetricType_GAUGE.Enum()}
		for i := range keys {
			key := &keys[i]
			if v, ok := g.value(all[*key]); ok {
				family.Metric = append(family.Metric, &dto.Metric{
					Label: []*dto.LabelPair{{Name: &labelName, Value: &key.Name}, {Name: &labelNamespace, Value: &key.Namespace}}, // sorted
					Gauge: &dto.Gauge{Value: &v},
				})
			}
		}
		if len(family.Metric) == 0 {
			continue
		}
		if err := write(family); err != nil {
			return err
		}
	}
	return nil
}

// Gather returns all families, for tests.
func (s *certificateSeries) Gather() (all []*dto.MetricFamily, err error) {
	err = s.families(func(family *dto.MetricFamily) error { all = append(all, family); return nil })
	return all, err
}

var labelName, labelNamespace = "name", "namespace"

// Certificate is the state of an ApisixCertificate. A value that is zero, or Unknown, has no series.
type Certificate struct {
	NotBefore, NotAfter, RenewAt time.Time
	Ready, Served                metav1.ConditionStatus
}

// SetCertificate records the state of an ApisixCertificate.
func SetCertificate(key types.NamespacedName, c Certificate) {
	certificates.mu.Lock()
	defer certificates.mu.Unlock()
	certificates.all[key] = certificateState{unix(c.NotBefore), unix(c.NotAfter), unix(c.RenewAt), truth(c.Ready), truth(c.Served)}
}

// ForgetCertificate removes the series of an ApisixCertificate.
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

func gaugeValue(truth int8) (float64, bool) { return float64(truth), truth != unknown }
