// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Request is a certificate to check against the policies.
type Request struct {
	// Namespace is the certificate's namespace, and Labels are the namespace's labels.
	Namespace string
	Labels    map[string]string
	Spec      *v1alpha1.ApisixCertificateSpec
	// Older returns the number of ApisixCertificates in the namespace that are older than this one. It is called only if a
	// policy limits their number. Nil means that no limit is met.
	Older func() int
}

// Evaluate checks a certificate against all policies. One policy must allow all of it: policies do not add up.
func (s *Set) Evaluate(r Request) Verdict {
	if s.AllowsAll() {
		return Verdict{}
	}
	if len(s.policies) == 0 {
		return Verdict{Denied: fmt.Sprintf("no CertificatePolicy exists, and the controller requires one (--require-policy); "+
			"create one for namespace %s that allows this certificate", r.Namespace)}
	}
	var manual []string
	nearest := objection{text: fmt.Sprintf("no CertificatePolicy selects this namespace; create one, or label namespace %s so that the namespaceSelector of one matches", r.Namespace)}
	for i := range s.policies {
		p := &s.policies[i]
		if !p.selector.Matches(labels.Set(r.Labels)) {
			continue
		}
		found := firstObjection(p, &r)
		switch {
		case found.text != "":
			nearest = nearer(nearest, found)
		case p.spec.Approval == v1alpha1.ApprovalManual:
			manual = append(manual, p.name)
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

// objection is the first thing that a policy does not allow.
type objection struct {
	rule   int // from 1; a higher number is closer to being allowed
	policy string
	text   string
}

// nearer returns the objection of the policy that allows more, so that the message names what to fix.
func nearer(a, b objection) objection {
	if cmp.Or(cmp.Compare(b.rule, a.rule), cmp.Compare(a.policy, b.policy)) < 0 {
		return a
	}
	return b
}

func firstObjection(p *compiled, r *Request) objection {
	for i, rule := range rules {
		if r.Spec.Provided && rule.issued {
			continue
		}
		if what := rule.check(p, r); what != "" {
			return objection{i + 1, p.name, fmt.Sprintf("no CertificatePolicy allows this certificate; the closest is %s: %s", p.name, what)}
		}
	}
	return objection{}
}
