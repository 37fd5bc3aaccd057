// SPDX-License-Identifier: Apache-2.0

package certspec

import (
	"slices"

	"apisix-certs.io/apisix-certs/certs"
)

// Names reports whether the bundle's leaf names host, itself a host or a wildcard.
func Names(b certs.Bundle, host string) bool {
	return b.Leaf != nil && slices.ContainsFunc(b.Leaf.DNSNames, func(name string) bool {
		name = certs.NormalizeHost(name)
		return name == certs.NormalizeHost(host) || certs.MatchHost(name, host)
	})
}
