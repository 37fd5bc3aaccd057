// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// What does not go together is told, and what carries the problem is a spec that the API server takes.
func TestKeyStorageProblems(t *testing.T) {
	vaultKV := func(pairs ...string) map[string]string {
		return annotated(append([]string{"key-storage", "VaultKV", "vault-kv-token-secret", "t"}, pairs...)...)
	}
	for _, row := range []struct {
		annotations map[string]string
		key, fix    string
	}{
		{vaultKV("vault-kv-token-secret", "No"), "vault-kv-token-secret", "is not a valid name of a Secret"},
		{vaultKV("vault-kv-mount", "/kv"), "vault-kv-mount", "not a valid location in Vault"},
		{vaultKV("vault-kv-path", "a//b"), "vault-kv-path", "not a valid location in Vault"},
		{vaultKV("vault-kv-path", "a/../b"), "vault-kv-path", "that do not begin with a ."},
		{vaultKV("vault-kv-path", "a b"), "vault-kv-path", "not a valid location in Vault"},
		{vaultKV("vault-kv-path", strings.Repeat("a", 129)), "vault-kv-path", "at most 128"},
		{vaultKV("private-key-rotation-policy", "Never"), "key-storage", "VaultKV cannot be combined with apisix-certs.io/private-key-rotation-policy Never"},
		{annotated("key-storage", "Gateway", "private-key-rotation-policy", "never"), "key-storage", "Gateway cannot be combined with"},
	} {
		s, ok := parse(row.annotations, Defaults{})
		if !ok || len(s.problems) != 1 || !strings.HasPrefix(s.problems[0], "annotation apisix-certs.io/"+row.key+": ") || !strings.Contains(s.problems[0], row.fix) {
			t.Errorf("%v: %q", row.annotations, s.problems)
		}
		if s.spec.KeyStorage != "" || s.spec.VaultKV != nil {
			t.Errorf("%v: %q %+v is sent", row.annotations, s.spec.KeyStorage, s.spec.VaultKV)
		}
	}
	if s, _ := parse(annotated("key-storage", "Secret", "private-key-rotation-policy", "Never"), Defaults{}); len(s.problems) > 0 || s.spec.KeyStorage != v1alpha1.KeyInSecret {
		t.Errorf("a key in the Secret may stay: %q", s.problems)
	}
}
