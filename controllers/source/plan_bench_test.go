// SPDX-License-Identifier: Apache-2.0

package source

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// BenchmarkPlan is what an ApisixTls wants, compared with what it has already.
func BenchmarkPlan(b *testing.B) {
	tls := newTLS()
	self := owner(tls, kindTLS)
	have := wantedByTLS(tls, Defaults{}).certificates
	for i := range have {
		have[i].OwnerReferences = []metav1.OwnerReference{controlling(self)}
		have[i].Finalizers = []string{v1alpha1.Finalizer}
	}
	for b.Loop() {
		if p := plan(self, wantedByTLS(tls, Defaults{}), have); !p.empty() {
			b.Fatal("there is something to do")
		}
	}
}
