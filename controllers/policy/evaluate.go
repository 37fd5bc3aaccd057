// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// Evaluate holds a certificate of a namespace with these labels against all policies. Without any policy everything is
// allowed. What one policy allows must be all of it: two do not add up.
func Evaluate(policies []v1alpha1.CertificatePolicy, namespace map[string]string, spec *v1alpha1.ApisixCertificateSpec) Verdict {
	if len(policies) == 0 {
		return Verdict{}
	}
	var manual []string
	nearest := objection{text: "no CertificatePolicy is for this namespace"}
	for _, p := range selected(policies, namespace) {
		found := object(p, spec)
		switch {
		case found.text != "":
			nearest = nearer(nearest, found)
		case p.Spec.Approval == v1alpha1.ApprovalManual:
			manual = append(manual, p.Name)
		default:
			return Verdict{}
		}
	}
	if len(manual) == 0 {
		return Verdict{Denied: nearest.text}
	}
	slices.Sort(manual)
	return Verdict{Manual: manual}
}

// AllowsName tells whether any policy for a namespace with these labels allows the name.
func AllowsName(policies []v1alpha1.CertificatePolicy, namespace map[string]string, name string) bool {
	return len(policies) == 0 || slices.ContainsFunc(selected(policies, namespace), func(p *v1alpha1.CertificatePolicy) bool {
		return allowsName(p.Spec.DNSNames, name)
	})
}

// selected are the policies for a namespace. A selector that is none selects nothing.
func selected(policies []v1alpha1.CertificatePolicy, namespace map[string]string) []*v1alpha1.CertificatePolicy {
	var found []*v1alpha1.CertificatePolicy
	for i := range policies {
		selector := labels.Everything()
		if s := policies[i].Spec.NamespaceSelector; s != nil {
			var err error
			if selector, err = metav1.LabelSelectorAsSelector(s); err != nil {
				continue
			}
		}
		if selector.Matches(labels.Set(namespace)) {
			found = append(found, &policies[i])
		}
	}
	return found
}

// objection is the first thing that a policy does not allow.
type objection struct {
	rule   int // counted from 1; the further, the nearer the certificate is to being allowed
	policy string
	text   string
}

// nearer picks the objection of the policy that allows more, so that the message names what there is to mend.
func nearer(a, b objection) objection {
	if cmp.Or(cmp.Compare(b.rule, a.rule), cmp.Compare(a.policy, b.policy)) < 0 {
		return a
	}
	return b
}

// rules of a policy, each naming what it does not allow; the order is that of an objection's distance. Those after the
// first two concern what is issued, and not Secrets of others.
var rules = []func(*v1alpha1.CertificatePolicySpec, *v1alpha1.ApisixCertificateSpec) string{
	objectNames, objectOthers, objectIssuer, objectDuration, objectKey,
}

const namesOnly = 2

func object(p *v1alpha1.CertificatePolicy, spec *v1alpha1.ApisixCertificateSpec) objection {
	for i, rule := range rules {
		if spec.Push && i == namesOnly {
			break
		}
		if what := rule(&p.Spec, spec); what != "" {
			return objection{i + 1, p.Name, fmt.Sprintf("no CertificatePolicy allows this certificate: %s is not allowed by the nearest, %s", what, p.Name)}
		}
	}
	return objection{}
}

func objectNames(p *v1alpha1.CertificatePolicySpec, spec *v1alpha1.ApisixCertificateSpec) string {
	for _, name := range spec.DNSNames {
		if !allowsName(p.DNSNames, name) {
			return "host " + name
		}
	}
	if name := spec.CommonName; name != "" && !allowsName(p.DNSNames, name) {
		return "common name " + name
	}
	return ""
}

func allowsName(patterns []string, name string) bool {
	name = certs.NormalizeHost(name)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		pattern = certs.NormalizeHost(pattern)
		below, wildcard := strings.CutPrefix(pattern, "*")
		return name == pattern || pattern == "*" || wildcard && strings.HasPrefix(below, ".") && len(name) > len(below) && strings.HasSuffix(name, below)
	})
}

func objectOthers(p *v1alpha1.CertificatePolicySpec, spec *v1alpha1.ApisixCertificateSpec) string {
	switch {
	case p.AllowOtherNames:
	case len(spec.IPAddresses) > 0:
		return "IP address " + spec.IPAddresses[0]
	case len(spec.URIs) > 0:
		return "URI " + spec.URIs[0]
	case len(spec.EmailAddresses) > 0:
		return "e-mail address " + spec.EmailAddresses[0]
	case spec.Subject != nil:
		return "a subject"
	}
	return ""
}

func objectIssuer(p *v1alpha1.CertificatePolicySpec, spec *v1alpha1.ApisixCertificateSpec) string {
	ref := spec.IssuerRef.WithKind()
	for _, allowed := range p.Issuers {
		group := cmp.Or(allowed.Group, v1alpha1.GroupOf(allowed.Kind))
		if allowed.Kind == ref.Kind && group == v1alpha1.GroupOf(ref.QualifiedKind()) && (allowed.Name == "*" || allowed.Name == ref.Name) {
			return ""
		}
	}
	return "issuer " + ref.String()
}

func objectDuration(p *v1alpha1.CertificatePolicySpec, spec *v1alpha1.ApisixCertificateSpec) string {
	switch {
	case p.MinDuration == nil && p.MaxDuration == nil:
	case spec.Duration == nil:
		return "a certificate without duration"
	case p.MinDuration != nil && spec.Duration.Duration < p.MinDuration.Duration:
		return fmt.Sprintf("duration %s, under %s,", spec.Duration.Duration, p.MinDuration.Duration)
	case p.MaxDuration != nil && spec.Duration.Duration > p.MaxDuration.Duration:
		return fmt.Sprintf("duration %s, over %s,", spec.Duration.Duration, p.MaxDuration.Duration)
	}
	return ""
}

func objectKey(p *v1alpha1.CertificatePolicySpec, spec *v1alpha1.ApisixCertificateSpec) string {
	if len(p.PrivateKeys) == 0 {
		return ""
	}
	key := v1alpha1.PrivateKey{}
	if spec.PrivateKey != nil {
		key = *spec.PrivateKey
	}
	algorithm := cmp.Or(key.Algorithm, string(certs.ECDSA))
	size := cmp.Or(key.Size, map[string]int32{string(certs.RSA): 2048, string(certs.ECDSA): 256}[algorithm])
	for _, allowed := range p.PrivateKeys {
		if allowed.Algorithm == algorithm && (len(allowed.Sizes) == 0 || size == 0 || slices.Contains(allowed.Sizes, size)) {
			return ""
		}
	}
	return strings.TrimSuffix(fmt.Sprintf("a private key %s %d", algorithm, size), " 0")
}
