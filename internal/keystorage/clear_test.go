// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// What a gateway refers to is left, wherever the key should be by now.
func TestReferredToIsLeft(t *testing.T) {
	for name, move := range map[string]func(*scene){
		"elsewhere in Vault": func(s *scene) { s.cert.Spec.VaultKV.Path = "folder" },
		"at the gateway":     func(s *scene) { s.want(v1alpha1.KeyAtGateway) },
	} {
		s := newScene(t, v1alpha1.KeyInVaultKV)
		s.issue()
		s.push()
		before := s.vault.paths()
		move(s)
		s.issue()
		if again := s.settle(); !again || !slices.Contains(s.cert.Status.VaultKV, placed("kv", "apisix-certs")) || !slices.Contains(s.vault.paths(), before[0]) {
			t.Errorf("%s: again %v, places %v, in Vault %v", name, again, s.cert.Status.VaultKV, s.vault.paths())
		}
	}
}

func TestLeftWithoutIssuer(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInSecret)
	s.issue()
	gone := placed("kv", "old")
	gone.Issuer = "VaultIssuer/gone"
	s.cert.Status.VaultKV = []v1alpha1.VaultKVPlace{gone}
	if again := s.settle(); again || !slices.Equal(s.cert.Status.VaultKV, []v1alpha1.VaultKVPlace{gone}) {
		t.Errorf("again %v, places %v", again, s.cert.Status.VaultKV)
	}
}

func TestPasses(t *testing.T) {
	for _, row := range []struct {
		err  error
		want bool
	}{
		{&usedError{placed("kv", "old")}, true},
		{&vault.BusyError{}, true},
		{&vault.Error{Kind: vault.Transient}, true},
		{&vault.Error{Kind: vault.Setup}, false},
		{finding.New(v1alpha1.ReasonKeyStorage, "no issuer"), false},
		{errors.New("gateway default: connection refused"), true},
		{fmt.Errorf("gateway default: %w", &apisix.APIError{Status: 401}), false},
		{fmt.Errorf("gateway default: %w", &apisix.APIError{Status: 503}), true},
	} {
		if passes(row.err) != row.want {
			t.Errorf("%v: not %v", row.err, row.want)
		}
	}
}
