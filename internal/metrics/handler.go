// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Gatherer returns all metrics of the process.
var Gatherer prometheus.Gatherer = prometheus.Gatherers{metrics.Registry, certificates}

// Describe describes all metrics of the process, including those of certificates, which are not in the registry.
func Describe(descriptions chan<- *prometheus.Desc) {
	metrics.Registry.(prometheus.Collector).Describe(descriptions)
	for _, g := range certificates.gauges {
		descriptions <- prometheus.NewDesc(prefix+g.name, g.help, []string{labelName, labelNamespace}, nil)
	}
}

// Handler serves all metrics of the process in the requested format. Unlike promhttp, it does not hold all families in
// memory before it writes the first, which would be 20 MiB with ten thousand certificates.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		families, err := metrics.Registry.Gather()
		if err != nil {
			http.Error(w, "gather metrics: "+err.Error(), http.StatusInternalServerError)
			return
		}
		format := expfmt.NegotiateAccept(request.Header, expfmt.DefaultAcceptedFormats()...)
		w.Header().Set("Content-Type", string(format))
		var out io.Writer = w
		if strings.Contains(request.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			zipped := gzip.NewWriter(w)
			defer zipped.Close() //nolint:errcheck // as below
			out = zipped
		}
		_ = write(out, format, families) // the client has disconnected
	})
}

func write(out io.Writer, format expfmt.Format, families []*dto.MetricFamily) error {
	encoder := expfmt.NewEncoder(out, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return certificates.families(encoder.Encode)
}
