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

// Bounds limit what the writers of issuers in a namespace may have the controller do. Issuers without a namespace are the
// operators' own.
type Bounds struct {
	// Servers are patterns of the Vault servers that issuers in namespaces may name, such as "https://vault.example.com:8200"
	// or "https://*.vault.svc:8200", in which a star matches anything but a slash. Empty: any. Credentials of a namespace
	// are sent to its issuer's server, and the server's answers show in the issuer's status.
	Servers []string
	// Audiences are patterns of what serviceAccountRef.audiences of issuers in namespaces may have beside their own. Empty:
	// none. A token is worth at each of its audiences what the ServiceAccount is worth there.
	Audiences []string
}

// Validate returns all problems of the patterns.
func (b *Bounds) Validate() []error {
	var problems []error
	for _, pattern := range b.Servers {
		u, err := url.Parse(strings.ReplaceAll(pattern, "*", "x"))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			problems = append(problems, fmt.Errorf("--vault-servers %q is no pattern of a server, such as https://vault.example.com:8200 or https://*.vault.svc:8200", pattern))
		}
	}
	for _, pattern := range b.Audiences {
		if pattern == "" {
			problems = append(problems, fmt.Errorf("--vault-audiences %q is no pattern of an audience, such as vault or https://vault.example.com", pattern))
		}
	}
	return problems
}

// problem is the first fault of an issuer's spec by the bounds, nil where there is none.
func (b *Bounds) problem(namespace string, spec *v1alpha1.VaultIssuerSpec, own string) error {
	if b == nil || namespace == "" {
		return nil
	}
	if len(b.Servers) > 0 && !matches(b.Servers, strings.TrimRight(spec.Server, "/")) {
		return certs.FieldError{Field: "server", Value: spec.Server, Problem: "is not one that issuers in namespaces may name",
			Fix: "name a server that the controller's flag --vault-servers allows, or use a ClusterVaultIssuer"}
	}
	for field, account := range accounts(&spec.Auth) {
		for i, audience := range account.Audiences {
			if audience != own && !matches(b.Audiences, audience) {
				return certs.FieldError{Field: fmt.Sprintf("%s.audiences[%d]", field, i), Value: audience, Problem: "is not one that issuers in namespaces may ask for",
					Fix: "write " + own + " in the audience of Vault's auth role and drop this, or have it allowed by the controller's flag --vault-audiences"}
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

// accounts are the ServiceAccounts that an issuer logs in with, by their field.
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

// workers are how many issuers of a kind are checked at the same time, of which one namespace has a quarter at most.
const workers = 16

// shares lets each namespace have a quarter of the workers at most, so that those whose Vault does not answer keep no others
// waiting.
type shares struct {
	mu    sync.Mutex
	taken map[string]int
}

// take reports whether there is a share left, to be given back with leave. Issuers without a namespace are the operators'
// own, and share nothing.
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
