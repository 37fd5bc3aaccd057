// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/certs"
)

// Requested are the DNS names of a spec by what they mean for ownership, normalized.
type Requested struct {
	// Owned must belong to the certificate's namespace before anything is issued for them.
	Owned []string
	// Bare are common names without a dot. Many certificates may have the same, but not one that another namespace owns.
	Bare []string
	// Local are names of the local machine, such as localhost. No certificate owns them, and they are never served.
	Local []string
}

// RequestedBy returns the DNS names that a certificate for spec would have, including a common name that is a host.
func RequestedBy(spec certs.Spec) Requested {
	var r Requested
	for _, name := range spec.RequestedDNSNames() {
		name = certs.NormalizeHost(name)
		switch {
		case isLocal(name):
			r.Local = append(r.Local, name)
		case !strings.Contains(name, ".") && !slices.Contains(spec.DNSNames, name):
			r.Bare = append(r.Bare, name)
		default:
			r.Owned = append(r.Owned, name)
		}
	}
	return r
}

// isLocal reports whether a name always means the local machine (RFC 6761 section 6.3).
func isLocal(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "localhost.localdomain"
}

// parentOf returns the domain that a name is one label below, or an empty string for a wildcard or a single label.
func parentOf(name string) string {
	label, parent, found := strings.Cut(name, ".")
	if !found || label == "*" {
		return ""
	}
	return parent
}
