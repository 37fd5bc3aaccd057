// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

var teamA = map[string]string{"team": "a"}

// allowing is a policy for team a: names below a.example, of ClusterVaultIssuer vault.
func allowing(name string, edits ...func(*v1alpha1.CertificatePolicySpec)) v1alpha1.CertificatePolicy {
	p := v1alpha1.CertificatePolicy{Spec: v1alpha1.CertificatePolicySpec{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: teamA},
		DNSNames:          []string{"*.a.example"},
		Issuers:           []v1alpha1.PolicyIssuer{{Kind: v1alpha1.KindClusterVaultIssuer, Name: "vault"}},
	}}
	p.Name = name
	for _, edit := range edits {
		edit(&p.Spec)
	}
	return p
}

func asking(edits ...func(*v1alpha1.ApisixCertificateSpec)) *v1alpha1.ApisixCertificateSpec {
	spec := &v1alpha1.ApisixCertificateSpec{
		SecretName: "s", DNSNames: []string{"www.a.example"},
		IssuerRef: v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterVaultIssuer, Name: "vault"},
	}
	for _, edit := range edits {
		edit(spec)
	}
	return spec
}

// evaluate is Set.Evaluate for a namespace shop without other certificates.
func evaluate(policies []v1alpha1.CertificatePolicy, namespace map[string]string, spec *v1alpha1.ApisixCertificateSpec) Verdict {
	return NewSet(policies, false).Evaluate(Request{Namespace: "shop", Labels: namespace, Spec: spec, Older: func() int { return 0 }})
}

func named(names ...string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(s *v1alpha1.ApisixCertificateSpec) { s.DNSNames = names }
}

func hours(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * time.Hour} }

func living(n int) func(*v1alpha1.ApisixCertificateSpec) {
	return func(s *v1alpha1.ApisixCertificateSpec) { s.Duration = hours(n) }
}

func keyed(algorithm string, size int32) func(*v1alpha1.ApisixCertificateSpec) {
	return func(s *v1alpha1.ApisixCertificateSpec) {
		s.PrivateKey = &v1alpha1.PrivateKey{Algorithm: algorithm, Size: size}
	}
}

func issuedBy(kind, name string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(s *v1alpha1.ApisixCertificateSpec) {
		s.IssuerRef = v1alpha1.IssuerReference{Kind: kind, Name: name}
	}
}

func names(patterns ...string) func(*v1alpha1.CertificatePolicySpec) {
	return func(p *v1alpha1.CertificatePolicySpec) { p.DNSNames = patterns }
}

// Each row is one rule, within and beyond what it allows.
func TestRules(t *testing.T) {
	lives := func(p *v1alpha1.CertificatePolicySpec) { p.MinDuration, p.MaxDuration = hours(1), hours(24) }
	keys := func(p *v1alpha1.CertificatePolicySpec) {
		p.PrivateKeys = []v1alpha1.PolicyKey{{Algorithm: "ECDSA"}, {Algorithm: "RSA", Sizes: []int32{3072}}, {Algorithm: "Ed25519", Sizes: []int32{256}}}
	}
	others := func(p *v1alpha1.CertificatePolicySpec) { p.AllowOtherNames = true }
	all := func(p *v1alpha1.CertificatePolicySpec) {
		p.Issuers = []v1alpha1.PolicyIssuer{{Kind: v1alpha1.KindVaultIssuer, Name: "*"}}
	}
	same := func(*v1alpha1.CertificatePolicySpec) {}
	ip := func(s *v1alpha1.ApisixCertificateSpec) { s.IPAddresses = []string{"192.0.2.1"} }
	push := func(s *v1alpha1.ApisixCertificateSpec) { s.Provided, s.IssuerRef = true, v1alpha1.IssuerReference{} }
	for _, c := range []struct {
		name   string
		policy func(*v1alpha1.CertificatePolicySpec)
		spec   []func(*v1alpha1.ApisixCertificateSpec)
		denied string // what the message names; empty: allowed
	}{
		{"host", same, nil, ""},
		{"host in capitals", same, []func(*v1alpha1.ApisixCertificateSpec){named("WWW.A.Example")}, ""},
		{"deeper", same, []func(*v1alpha1.ApisixCertificateSpec){named("x.www.a.example")}, ""},
		{"wildcard below", same, []func(*v1alpha1.ApisixCertificateSpec){named("*.a.example", "*.x.a.example")}, ""},
		{"the parent", same, []func(*v1alpha1.ApisixCertificateSpec){named("a.example")}, "host a.example"},
		{"wildcard above", same, []func(*v1alpha1.ApisixCertificateSpec){named("*.example")}, "host *.example"},
		{"the same ending", same, []func(*v1alpha1.ApisixCertificateSpec){named("evila.example")}, "host evila.example"},
		{"one of two", same, []func(*v1alpha1.ApisixCertificateSpec){named("www.a.example", "b.example")}, "host b.example"},
		{"exact", names("www.a.example"), nil, ""},
		{"exact, not below", names("www.a.example"), []func(*v1alpha1.ApisixCertificateSpec){named("x.www.a.example")}, "host x.www"},
		{"all names", names("*"), []func(*v1alpha1.ApisixCertificateSpec){named("b.example")}, ""},
		{"a star that is no label", names("*a.example"), []func(*v1alpha1.ApisixCertificateSpec){named("evila.example")}, "host evila"},
		{"common name", same, []func(*v1alpha1.ApisixCertificateSpec){func(s *v1alpha1.ApisixCertificateSpec) { s.CommonName = "b.example" }}, "spec.commonName: common name b.example"},
		{"address", same, []func(*v1alpha1.ApisixCertificateSpec){ip}, "IP address 192.0.2.1"},
		{"address, allowed", others, []func(*v1alpha1.ApisixCertificateSpec){ip}, ""},
		{"issuer", same, []func(*v1alpha1.ApisixCertificateSpec){issuedBy(v1alpha1.KindClusterVaultIssuer, "other")}, "issuer ClusterVaultIssuer/other"},
		{"issuer of another kind", same, []func(*v1alpha1.ApisixCertificateSpec){issuedBy("", "vault")}, "issuer VaultIssuer/vault"},
		{"any issuer of a kind", all, []func(*v1alpha1.ApisixCertificateSpec){issuedBy("", "x")}, ""},
		{"life", lives, []func(*v1alpha1.ApisixCertificateSpec){living(1)}, ""},
		{"too short", lives, []func(*v1alpha1.ApisixCertificateSpec){func(s *v1alpha1.ApisixCertificateSpec) { s.Duration = &metav1.Duration{Duration: time.Minute} }}, "spec.duration: 1m0s is below the policy's minDuration 1h0m0s"},
		{"too long", lives, []func(*v1alpha1.ApisixCertificateSpec){living(25)}, "spec.duration: 25h0m0s exceeds the policy's maxDuration 24h0m0s"},
		{"no life asked for", lives, nil, "spec.duration: is not set, and the policy's maxDuration is 24h0m0s"},
		{"default key", keys, nil, ""},
		{"key", keys, []func(*v1alpha1.ApisixCertificateSpec){keyed("RSA", 3072)}, ""},
		{"size", keys, []func(*v1alpha1.ApisixCertificateSpec){keyed("RSA", 0)}, "spec.privateKey: RSA 2048 is not in the policy's privateKeys"},
		{"key without sizes", keys, []func(*v1alpha1.ApisixCertificateSpec){keyed("Ed25519", 0)}, ""},
		{"algorithm", func(p *v1alpha1.CertificatePolicySpec) { p.PrivateKeys = []v1alpha1.PolicyKey{{Algorithm: "RSA"}} }, []func(*v1alpha1.ApisixCertificateSpec){keyed("Ed25519", 0)}, "spec.privateKey: Ed25519 is"},
		{"only a lower bound", func(p *v1alpha1.CertificatePolicySpec) { p.MinDuration = hours(1) }, nil, "the policy's minDuration is 1h0m0s"},
		{"Secret of others", keys, []func(*v1alpha1.ApisixCertificateSpec){push}, ""},
		{"Secret of others, for another host", same, []func(*v1alpha1.ApisixCertificateSpec){push, named("b.example")}, "host b.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := evaluate([]v1alpha1.CertificatePolicy{allowing("p", c.policy)}, teamA, asking(c.spec...))
			if (got.Denied == "") != (c.denied == "") || !strings.Contains(got.Denied, c.denied) || len(got.Manual) > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestPoliciesTogether(t *testing.T) {
	manual := func(p *v1alpha1.CertificatePolicySpec) { p.Approval = v1alpha1.ApprovalManual }
	strange := func(p *v1alpha1.CertificatePolicySpec) {
		p.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "team", Operator: "Is"}}}
	}
	everywhere := func(p *v1alpha1.CertificatePolicySpec) { p.NamespaceSelector = nil }
	noIssuer := func(p *v1alpha1.CertificatePolicySpec) { p.Issuers = nil }
	for _, c := range []struct {
		name      string
		policies  []v1alpha1.CertificatePolicy
		namespace map[string]string
		denied    string
		manual    []string
	}{
		{"none", nil, nil, "", nil},
		{"of another namespace", []v1alpha1.CertificatePolicy{allowing("p")}, nil, "no CertificatePolicy selects this namespace", nil},
		{"a selector that is none", []v1alpha1.CertificatePolicy{allowing("p", strange)}, teamA, "no CertificatePolicy selects this namespace", nil},
		{"for all namespaces", []v1alpha1.CertificatePolicy{allowing("p", everywhere)}, nil, "", nil},
		{"one of two", []v1alpha1.CertificatePolicy{allowing("p", names("b.example")), allowing("q")}, teamA, "", nil},
		{"no one alone", []v1alpha1.CertificatePolicy{allowing("p", names("b.example")), allowing("q", noIssuer)}, teamA, "the closest is q: spec.issuerRef: issuer ClusterVaultIssuer/vault is not in the policy's issuers", nil},
		{"by hand", []v1alpha1.CertificatePolicy{allowing("q", manual), allowing("p", manual)}, teamA, "", []string{"p", "q"}},
		{"by hand, and outright", []v1alpha1.CertificatePolicy{allowing("q", manual), allowing("p")}, teamA, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := evaluate(c.policies, c.namespace, asking())
			if (got.Denied == "") != (c.denied == "") || !strings.Contains(got.Denied, c.denied) || !slices.Equal(got.Manual, c.manual) {
				t.Errorf("%+v", got)
			}
			slices.Reverse(c.policies)
			if again := evaluate(c.policies, c.namespace, asking()); again.Denied != got.Denied {
				t.Errorf("the order of policies counts: %q, %q", got.Denied, again.Denied)
			}
		})
	}
}

func TestAllowsName(t *testing.T) {
	policies := []v1alpha1.CertificatePolicy{allowing("p")}
	for _, c := range []struct {
		set       *Set
		namespace map[string]string
		name      string
		want      bool
	}{
		{NewSet(nil, false), nil, "x", true},
		{NewSet(nil, true), nil, "x", true}, // nobody else could get it
		{NewSet(policies, true), teamA, "www.a.example", true},
		{NewSet(policies, false), nil, "www.a.example", false},
		{NewSet(policies, false), teamA, "b.example", false},
	} {
		if got := c.set.AllowsName(c.namespace, c.name); got != c.want {
			t.Errorf("%d policies, labels %v, %s: %v", len(c.set.policies), c.namespace, c.name, got)
		}
	}
}

func TestSettle(t *testing.T) {
	manual, digest := Verdict{Manual: []string{"p", "q"}}, Digest(of(asking()))
	by := func(decision v1alpha1.ApprovalDecision, policy, digest string) *v1alpha1.Approval {
		return &v1alpha1.Approval{Decision: decision, Policy: policy, Digest: digest, By: "somebody"}
	}
	for _, c := range []struct {
		name     string
		verdict  Verdict
		approval *v1alpha1.Approval
		want     Settlement
	}{
		{"nothing to settle", Verdict{}, nil, Settled},
		{"nothing to settle, though it was denied", Verdict{}, by(v1alpha1.Denied, "p", digest), Settled},
		{"open", manual, nil, Unsettled},
		{"approved", manual, by(v1alpha1.Approved, "q", digest), Settled},
		{"denied", manual, by(v1alpha1.Denied, "p", digest), Refused},
		{"for other names", manual, by(v1alpha1.Approved, "p", Digest(of(asking(named("b.example"))))), Unsettled},
		{"for another policy", manual, by(v1alpha1.Approved, "other", digest), Unsettled},
	} {
		if got := c.verdict.Settle(c.approval, digest); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
