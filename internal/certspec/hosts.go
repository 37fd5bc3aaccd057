// SPDX-License-Identifier: Apache-2.0

package certspec

import "apisix-certs.io/apisix-certs/certs"

// Names reports, of each host or wildcard that it is asked for, whether the bundle's leaf names it.
func Names(b certs.Bundle) func(host string) bool {
	if b.Leaf == nil {
		return func(string) bool { return false }
	}
	return certs.MatchHosts(b.Leaf.DNSNames)
}
