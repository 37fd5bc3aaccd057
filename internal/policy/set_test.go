// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Without a policy everything is allowed, or nothing where one is required.
func TestRequired(t *testing.T) {
	for _, c := range []struct {
		name     string
		policies []v1alpha1.CertificatePolicy
		required bool
		denied   string
	}{
		{"none", nil, false, ""},
		{"none, required", nil, true, "no CertificatePolicy exists, and the controller requires one (--require-policy); create one for namespace shop"},
		{"of another namespace", []v1alpha1.CertificatePolicy{allowing("p")}, true, "no CertificatePolicy selects this namespace; create one, or label namespace shop"},
		{"of another namespace, not required", []v1alpha1.CertificatePolicy{allowing("p")}, false, "no CertificatePolicy selects this namespace"},
	} {
		for _, spec := range []*v1alpha1.ApisixCertificateSpec{asking(), asking(provided)} {
			got := NewSet(c.policies, c.required).Evaluate(Request{Namespace: "shop", Spec: spec})
			if (got.Denied == "") != (c.denied == "") || !strings.HasPrefix(got.Denied, c.denied) {
				t.Errorf("%s: got %q", c.name, got.Denied)
			}
		}
	}
}

// A Set is made again when a policy comes, goes or changes, and when one is required.
func TestSets(t *testing.T) {
	policy := func(uid, version string, edits ...policyEdit) v1alpha1.CertificatePolicy {
		p := allowing(uid, edits...)
		p.UID, p.ResourceVersion = types.UID(uid), version
		return p
	}
	var sets Sets
	a, b := policy("a", "1"), policy("b", "2")
	first := sets.Of([]v1alpha1.CertificatePolicy{a, b}, false)
	if sets.Of([]v1alpha1.CertificatePolicy{b, a}, false) != first {
		t.Error("another order is another set")
	}
	seen := map[*Set]bool{first: true}
	for i, step := range []struct {
		policies []v1alpha1.CertificatePolicy
		required bool
	}{
		{[]v1alpha1.CertificatePolicy{a, policy("b", "3")}, false},
		{[]v1alpha1.CertificatePolicy{a}, false},
		{[]v1alpha1.CertificatePolicy{policy("c", "1")}, false},
		{nil, false},
		{nil, true},
		{[]v1alpha1.CertificatePolicy{a, b}, true},
	} {
		set := sets.Of(step.policies, step.required)
		if seen[set] || len(set.policies) != len(step.policies) || set.required != step.required {
			t.Errorf("step %d: the set of before", i)
		}
		seen[set] = true
		if sets.Of(step.policies, step.required) != set {
			t.Errorf("step %d: made again without a change", i)
		}
	}
	// Without versions nothing is known to be the same.
	bare := []v1alpha1.CertificatePolicy{allowing("p")}
	kept := sets.Of(bare, false)
	if again := sets.Of(bare, false); again == kept {
		t.Error("kept without a version")
	}
}

// benchmarkPolicies are policies of teams, each with a selector by expression and names of its own.
func benchmarkPolicies(n int) []v1alpha1.CertificatePolicy {
	policies := make([]v1alpha1.CertificatePolicy, 0, n)
	for i := range n {
		p := allowing(fmt.Sprint("team-", i), names(fmt.Sprintf("*.team-%d.example", i)), func(p *v1alpha1.CertificatePolicySpec) {
			p.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{fmt.Sprint(i)}},
			}}
		})
		p.UID, p.ResourceVersion = types.UID(p.Name), "1"
		policies = append(policies, p)
	}
	return policies
}

// BenchmarkEvaluate is one certificate with ten hosts against the policies of a hundred teams, as each run does it.
func BenchmarkEvaluate(b *testing.B) {
	policies := benchmarkPolicies(100)
	var hosts []string
	for i := range 10 {
		hosts = append(hosts, fmt.Sprintf("h%d.x.team-99.example", i))
	}
	spec := asking(named(hosts...))
	request := Request{Namespace: "shop", Labels: map[string]string{"team": "99"}, Spec: spec}
	var sets Sets
	b.ReportAllocs()
	for b.Loop() {
		if v := sets.Of(policies, true).Evaluate(request); v.Denied != "" {
			b.Fatal(v.Denied)
		}
	}
}

// TestEvaluateIsCheap: a hundred policies are evaluated without an allocation, so that ten thousand certificates are.
func TestEvaluateIsCheap(t *testing.T) {
	policies := benchmarkPolicies(100)
	request := Request{Labels: map[string]string{"team": "99"}, Spec: asking(named("www.team-99.example"))}
	var sets Sets
	if n := testing.AllocsPerRun(100, func() { sets.Of(policies, true).Evaluate(request) }); n > 5 {
		t.Errorf("%v allocations", n)
	}
}
