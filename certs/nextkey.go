// SPDX-License-Identifier: Apache-2.0

package certs

import "slices"

// NextKeySpec is the kind of key for the next certificate after old: spec, or, where spec names neither algorithm nor size, the
// kind of old's Key, or of its Leaf's where the key is kept elsewhere or damaged. So a pair that was taken over keeps its
// kind until someone says otherwise: clients may take no other. An RSA size that is not made here becomes the next
// greater one, at most the greatest. Where old has neither key nor leaf, or one of a kind that is not made here, it is
// spec, which is ECDSA P-256 by default. Spec's Encoding stays.
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
