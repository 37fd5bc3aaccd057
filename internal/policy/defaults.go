// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// defaultUsages are the usages of a certificate without spec.usages, and all that a policy without usages allows.
var defaultUsages = []string{string(certs.DigitalSignature), string(certs.KeyEncipherment), string(certs.ServerAuth)}

// aliases maps usages that have two names.
var aliases = map[string]string{"signing": string(certs.DigitalSignature), "s/mime": "email protection"}

// usagesOf returns the usages of a certificate without aliases, in the order of the spec.
func usagesOf(spec *v1alpha1.ApisixCertificateSpec) []string {
	if len(spec.Usages) == 0 {
		return defaultUsages
	}
	usages := make([]string, len(spec.Usages))
	for i, usage := range spec.Usages {
		usages[i] = cmp.Or(aliases[usage], usage)
	}
	return usages
}

var defaultSizes = map[string]int32{string(certs.RSA): 2048, string(certs.ECDSA): 256}

// keyOf returns the key of a certificate. The size is 0 for an algorithm with a fixed size.
func keyOf(spec *v1alpha1.ApisixCertificateSpec) (algorithm string, size int32) {
	key := v1alpha1.PrivateKey{}
	if spec.PrivateKey != nil {
		key = *spec.PrivateKey
	}
	algorithm = cmp.Or(key.Algorithm, string(certs.ECDSA))
	return algorithm, cmp.Or(key.Size, defaultSizes[algorithm])
}

func keyStorageOf(spec *v1alpha1.ApisixCertificateSpec) v1alpha1.KeyStorage {
	return cmp.Or(spec.KeyStorage, v1alpha1.KeyInSecret)
}

// defaultLocation is the location in Vault without mount and path, and all that a policy without vaultKV allows.
const defaultLocation = "kv/apisix-certs"

// locationOf returns the location in Vault of a certificate's key: MOUNT/PATH. Where mount and path are separated does not
// matter, because Vault does not see it either.
func locationOf(spec *v1alpha1.ApisixCertificateSpec) string {
	kv := v1alpha1.VaultKV{}
	if spec.VaultKV != nil {
		kv = *spec.VaultKV
	}
	mount, path, _ := strings.Cut(defaultLocation, "/")
	return cmp.Or(kv.Mount, mount) + "/" + cmp.Or(kv.Path, path)
}

// isAtOrBelow reports whether a location equals another or is inside it.
func isAtOrBelow(location, other string) bool {
	rest, found := strings.CutPrefix(location, other)
	return found && (rest == "" || rest[0] == '/')
}

// sorted returns a sorted copy without duplicates.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
