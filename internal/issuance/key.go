// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"fmt"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// nextKey returns the key for the next certificate: a new one, unless the spec wants the old one reused and it fits.
func nextKey(o Request, old certs.Bundle) (certs.Key, error) {
	wanted := o.nextKeySpec(old)
	if k := o.Certificate.Spec.PrivateKey; k != nil && k.RotationPolicy == v1alpha1.RotationNever && !old.Key.IsZero() {
		is := old.Key.Spec()
		if (wanted.Algorithm == "" || wanted.Algorithm == is.Algorithm) && (wanted.Size == 0 || wanted.Size == is.Size) {
			return old.Key, nil
		}
	}
	key, err := certs.GenerateKey(wanted)
	if err != nil {
		return certs.Key{}, fmt.Errorf("private key: %w", err)
	}
	return key, nil
}
