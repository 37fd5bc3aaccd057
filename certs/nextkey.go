// SPDX-License-Identifier: Apache-2.0

package certs

import "slices"

// NextKeySpec returns the key to generate for the certificate that replaces old. If spec sets algorithm or size, it
// is spec. Otherwise it is the type of old's Key, or of its Leaf if the key is malformed or stored elsewhere: clients
// of an adopted certificate may support no other type. An RSA size that this package does not generate is rounded up
// to the next size, or down to the largest one.
//
// If old has no key of a type that this package generates, the result is spec, which defaults to ECDSA P-256. The
// encoding is always that of spec.
func NextKeySpec(spec KeySpec, old Bundle) KeySpec {
	if spec.Algorithm != "" || spec.Size != 0 {
		return spec
	}
	kind := old.Key.Spec()
	if old.Key.IsZero() && old.Leaf != nil {
		kind = publicSpec(old.Leaf.PublicKey)
	}
	if sizes := keySizes[kind.Algorithm]; kind.Algorithm == RSA {
		greater := slices.IndexFunc(sizes, func(size int) bool { return size >= kind.Size })
		if greater < 0 {
			greater = len(sizes) - 1
		}
		kind.Size = sizes[greater]
	}
	kind.Encoding = spec.Encoding
	if len(kind.validate()) > 0 {
		return spec
	}
	return kind
}
