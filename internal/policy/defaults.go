// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// defaultUsages are those of a certificate without spec.usages, and all that a policy without usages allows.
var defaultUsages = []string{string(certs.DigitalSignature), string(certs.KeyEncipherment), string(certs.ServerAuth)}

// aliases are usages that have two names.
var aliases = map[string]string{"signing": string(certs.DigitalSignature), "s/mime": "email protection"}

// usagesOf are the usages of a certificate under one name each, in the order of the spec.
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

// keyOf is the key of a certificate. The size is 0 for an algorithm that has one alone.
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

// defaultLocation is where in Vault keys are without mount and path, and all that a policy without vaultKV allows.
const defaultLocation = "kv/apisix-certs"

// locationOf is where in Vault the key of a certificate with key storage VaultKV is: MOUNT/PATH. Where the one ends and the
// other begins does not count, as Vault does not see it either.
func locationOf(spec *v1alpha1.ApisixCertificateSpec) string {
	kv := v1alpha1.VaultKV{}
	if spec.VaultKV != nil {
		kv = *spec.VaultKV
	}
	mount, path, _ := strings.Cut(defaultLocation, "/")
	return cmp.Or(kv.Mount, mount) + "/" + cmp.Or(kv.Path, path)
}

// isAtOrBelow reports whether a location is another, or inside of it.
func isAtOrBelow(location, other string) bool {
	rest, found := strings.CutPrefix(location, other)
	return found && (rest == "" || rest[0] == '/')
}

// sorted is a list as a set.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
