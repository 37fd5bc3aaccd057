// SPDX-License-Identifier: Apache-2.0

package certspec

import "apisix-certs.io/apisix-certs/certs"

// Names returns a function that reports whether the bundle's leaf covers a host or wildcard.
func Names(b certs.Bundle) func(host string) bool {
	if b.Leaf == nil {
		return func(string) bool { return false }
	}
	return certs.MatchHosts(b.Leaf.DNSNames)
}
