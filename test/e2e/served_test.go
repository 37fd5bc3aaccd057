// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"slices"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestIngressToServed measures from the apply of an annotated Ingress to the gateway serving its certificate.
func TestIngressToServed(t *testing.T) {
	s := newScene(t)
	s.issuerCondition("vault", metav1.ConditionTrue, "VaultReady")
	const n = 20
	host := "shop." + s.domain
	var took []time.Duration
	for range n {
		began := time.Now()
		s.apply(ingressYAML)
		s.until("served", func() string { return s.unserved("shop-tls", host) })
		took = append(took, time.Since(began))
		s.must(s.Client.Delete(t.Context(), &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "shop"}}))
		s.gone("shop-tls", host)
	}
	slices.Sort(took)
	p50, most := took[n/2], took[n-1]
	t.Logf("measure: ingress_to_served n=%d p50_ms=%.1f max_ms=%.1f", n, milliseconds(p50), milliseconds(most))
	if p50 >= time.Second {
		t.Errorf("half of the Ingresses took %s and more until they were served, want under 1 s", p50)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
