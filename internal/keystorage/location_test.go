// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// A Secret's mark leads nowhere but to a folder of its certificate.
func TestPresentPlace(t *testing.T) {
	wanted, old := placed("kv", "apisix-certs"), placed("kv", "old")
	for mark, want := range map[string]v1alpha1.KeyLocation{
		"VaultIssuer/vault kv apisix-certs/uid-c": wanted,
		"VaultIssuer/vault kv old/uid-c":          old, // which the status records
		"VaultIssuer/vault kv other/uid-c":        noLocation,
		"VaultIssuer/vault kv other/uid-d":        noLocation,
		"VaultIssuer/vault kv ../pki/uid-c":       noLocation,
		"VaultIssuer/vault  other/uid-c":          noLocation,
		"VaultIssuer/vault kv":                    noLocation,
		"":                                        noLocation,
	} {
		secret := &corev1.Secret{}
		secret.Annotations = map[string]string{v1alpha1.AnnotationVaultKV: mark}
		if got := presentLocation(secret, wanted, []v1alpha1.KeyLocation{old}); got != want {
			t.Errorf("%q: %+v", mark, got)
		}
	}
}
