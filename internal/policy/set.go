// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// Set is all policies of the cluster, compiled for evaluating many certificates. It is safe for concurrent use.
type Set struct {
	required bool
	policies []compiled // by name
}

// compiled is a policy whose selector and names are parsed.
type compiled struct {
	name     string
	spec     *v1alpha1.CertificatePolicySpec
	selector labels.Selector
	names    nameSet
}

// NewSet returns a Set of all policies of the cluster, which must not be changed afterwards. If there is no policy,
// everything is allowed, or nothing with required.
func NewSet(policies []v1alpha1.CertificatePolicy, required bool) *Set {
	s := &Set{required: required, policies: make([]compiled, 0, len(policies))}
	for i := range policies {
		spec := &policies[i].Spec
		s.policies = append(s.policies, compiled{policies[i].Name, spec, selectorOf(spec), namesOf(spec.DNSNames)})
	}
	slices.SortFunc(s.policies, func(a, b compiled) int { return strings.Compare(a.name, b.name) })
	return s
}

// selectorOf returns a selector that matches nothing if the policy's is invalid.
func selectorOf(spec *v1alpha1.CertificatePolicySpec) labels.Selector {
	if spec.NamespaceSelector == nil {
		return labels.Everything()
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.NamespaceSelector)
	if err != nil {
		return labels.Nothing()
	}
	return selector
}

// AllowsAll reports whether everything is allowed, so that the labels of a namespace need not be read.
func (s *Set) AllowsAll() bool { return len(s.policies) == 0 && !s.required }

// AllowsName reports whether a namespace with these labels may keep a name that it owns: a policy for it has the name, or
// there is no policy at all. With required, no other namespace could get the name either, so that recreating a policy moves
// no name.
func (s *Set) AllowsName(namespace map[string]string, name string) bool {
	return len(s.policies) == 0 || slices.ContainsFunc(s.policies, func(p compiled) bool {
		return p.selector.Matches(labels.Set(namespace)) && p.names.allow(name)
	})
}

// nameSet is the normalized dnsNames of a policy.
type nameSet map[string]bool

func namesOf(patterns []string) nameSet {
	n := make(nameSet, len(patterns))
	for _, pattern := range patterns {
		n[certs.NormalizeHost(pattern)] = true
	}
	return n
}

// allow reports whether the set has the name, or a wildcard above it.
func (n nameSet) allow(name string) bool {
	name = certs.NormalizeHost(name)
	if n["*"] || n[name] {
		return true
	}
	for label, rest, found := strings.Cut(name, "."); found && label != ""; label, rest, found = strings.Cut(rest, ".") {
		if n["*."+rest] {
			return true
		}
	}
	return false
}

// Sets caches the Set of the current policies until one of them changes: they change rarely and are evaluated often. The
// zero value is ready to use, and safe for concurrent use.
type Sets struct {
	mu       sync.Mutex
	versions map[types.UID]string
	required bool
	set      *Set
}

// Of returns NewSet of the policies as read from the API server, with UID and resource version.
func (s *Sets) Of(policies []v1alpha1.CertificatePolicy, required bool) *Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set != nil && s.required == required && s.same(policies) {
		return s.set
	}
	s.versions = make(map[types.UID]string, len(policies))
	for i := range policies {
		s.versions[policies[i].UID] = policies[i].ResourceVersion
	}
	s.set, s.required = NewSet(policies, required), required
	return s.set
}

func (s *Sets) same(policies []v1alpha1.CertificatePolicy) bool {
	return len(policies) == len(s.versions) && !slices.ContainsFunc(policies, func(p v1alpha1.CertificatePolicy) bool {
		return s.versions[p.UID] != p.ResourceVersion || p.ResourceVersion == ""
	})
}
