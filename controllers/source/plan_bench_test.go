// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// BenchmarkPlan is what an ApisixTls wants, compared with what it has already.
func BenchmarkPlan(b *testing.B) {
	have := certList{*makePlan(observe(nil, source("me", 1)), Defaults{}).create}
	for b.Loop() {
		if p := makePlan(observe(have, source("me", 1)), Defaults{}); !p.empty() {
			b.Fatal("there is something to do")
		}
	}
}

// BenchmarkPlanOfMany is the same for a wildcard Secret that 500 objects name.
func BenchmarkPlanOfMany(b *testing.B) {
	members := sources{source("wild", 1, hosts("*.example"))}
	for i := range 500 {
		members = append(members, source(fmt.Sprint("s", i), 2, hosts(fmt.Sprintf("h%d.example", i))))
	}
	have := certList{*makePlan(observe(nil, members...), Defaults{}).create}
	if len(have[0].Spec.DNSNames) != 1 || len(have[0].OwnerReferences) != 501 || have[0].Annotations[v1alpha1.AnnotationSourceProblem] != "" {
		b.Fatal(have[0].Spec.DNSNames)
	}
	for b.Loop() {
		if p := makePlan(observe(have, members...), Defaults{}); !p.empty() {
			b.Fatal("there is something to do")
		}
	}
}
