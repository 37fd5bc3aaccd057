// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// expiry has one series an ApisixCertificate that has a certificate, and none any longer when the object has gone.
var expiry = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "apisix_certs_expiry_timestamp_seconds",
	Help: "When the certificate of an ApisixCertificate ends, in seconds since 1970. One series for each ApisixCertificate.",
}, []string{"namespace", "name"})

func init() { metrics.Registry.MustRegister(expiry) }

func measure(cert *v1alpha1.ApisixCertificate) {
	if cert.Status.NotAfter == nil {
		forget(types.NamespacedName{Namespace: cert.Namespace, Name: cert.Name})
		return
	}
	expiry.WithLabelValues(cert.Namespace, cert.Name).Set(float64(cert.Status.NotAfter.Unix()))
}

// forget drops the series of a certificate.
func forget(cert types.NamespacedName) { expiry.DeleteLabelValues(cert.Namespace, cert.Name) }
