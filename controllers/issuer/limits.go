// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// Bounds restrict namespaced issuers, whose authors the operator may not trust. They do not apply to cluster-scoped issuers.
type Bounds struct {
	// Servers are patterns of the allowed Vault servers, such as "https://vault.example.com:8200" or "https://*.vault.svc:8200",
	// in which a star matches anything except a slash. If there are none, all are allowed. Credentials of a namespace are sent to
	// its issuer's server, and responses of the server show in the issuer's status.
	Servers []string
	// Audiences are patterns of the allowed serviceAccountRef.audiences in addition to the issuer's own. If there are none, no
	// others are allowed. A token authenticates as the ServiceAccount at each of its audiences.
	Audiences []string
}

// Validate returns all problems of the patterns.
func (b *Bounds) Validate() []error {
	var problems []error
	for _, pattern := range b.Servers {
		u, err := url.Parse(strings.ReplaceAll(pattern, "*", "x"))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			problems = append(problems, fmt.Errorf("--vault-servers %q is not a pattern of a server such as https://vault.example.com:8200 or https://*.vault.svc:8200", pattern))
		}
	}
	for _, pattern := range b.Audiences {
		if pattern == "" {
			problems = append(problems, fmt.Errorf("--vault-audiences %q is not a pattern of an audience such as vault or https://vault.example.com", pattern))
		}
	}
	return problems
}

// problem returns the first violation of the bounds in an issuer's spec, or nil.
func (b *Bounds) problem(namespace string, spec *v1alpha1.VaultIssuerSpec, own string) error {
	if b == nil || namespace == "" {
		return nil
	}
	if len(b.Servers) > 0 && !matches(b.Servers, strings.TrimRight(spec.Server, "/")) {
		return certs.FieldError{Field: "server", Value: spec.Server, Problem: "is not allowed for issuers in namespaces",
			Fix: "name a server that the controller's flag --vault-servers allows, or use a ClusterVaultIssuer"}
	}
	for field, account := range accounts(&spec.Auth) {
		for i, audience := range account.Audiences {
			if audience != own && !matches(b.Audiences, audience) {
				return certs.FieldError{Field: fmt.Sprintf("%s.audiences[%d]", field, i), Value: audience, Problem: "is not allowed for issuers in namespaces",
					Fix: "set the audience of Vault's auth role to " + own + " and remove this one, or allow it with the controller's flag --vault-audiences"}
			}
		}
	}
	return nil
}

func matches(patterns []string, value string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		expression := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(pattern, "/")), `\*`, "[^/]*")
		ok, err := regexp.MatchString("^"+expression+"$", value)
		return ok && err == nil
	})
}

// accounts returns the ServiceAccounts that an issuer logs in with, by field.
func accounts(auth *v1alpha1.VaultAuth) map[string]*v1alpha1.ServiceAccountReference {
	found := map[string]*v1alpha1.ServiceAccountReference{}
	if auth.Kubernetes != nil && auth.Kubernetes.ServiceAccountRef != nil {
		found["auth.kubernetes.serviceAccountRef"] = auth.Kubernetes.ServiceAccountRef
	}
	if auth.JWT != nil && auth.JWT.ServiceAccountRef != nil {
		found["auth.jwt.serviceAccountRef"] = auth.JWT.ServiceAccountRef
	}
	return found
}

// workers is how many issuers of a kind are checked concurrently. A namespace uses at most a quarter of them.
const workers = 16

// shares limits each namespace to a quarter of the workers, so that issuers whose Vault does not respond do not block those of
// other namespaces.
type shares struct {
	mu    sync.Mutex
	taken map[string]int
}

// take reserves a worker for a namespace, to be released with leave, and reports whether one was available. Cluster-scoped
// issuers are not limited.
func (s *shares) take(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if namespace != "" && s.taken[namespace] >= workers/4 {
		return false
	}
	if s.taken == nil {
		s.taken = map[string]int{}
	}
	s.taken[namespace]++
	return true
}

func (s *shares) leave(namespace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[namespace]--; s.taken[namespace] == 0 {
		delete(s.taken, namespace)
	}
}
