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
		"in the Secret":      func(s *scene) { s.want(v1alpha1.KeyInSecret) },
	} {
		s := newScene(t, v1alpha1.KeyInVaultKV)
		s.issue()
		s.push()
		before := s.vault.paths()
		move(s)
		s.issue()
		if again := s.settle(); !again || !slices.Contains(s.cert.Status.KeyLocations, placed("kv", "apisix-certs")) || !slices.Contains(s.vault.paths(), before[0]) {
			t.Errorf("%s: again %v, locations %v, in Vault %v", name, again, s.cert.Status.KeyLocations, s.vault.paths())
		}
	}
}

// Where Vault has lost the key, the gateway serves what it has read as long as it knows where that Vault is.
func TestVaultIsKnownWhileReferredTo(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.push()
	s.vault.lose()
	s.want(v1alpha1.KeyAtGateway)
	s.issue()
	state := s.observe()
	if _, again := s.cleanerFor(s.input, s.target).clearFormer(t.Context(), state.Locations, state.present); !again || !s.readsVault() {
		t.Errorf("again %v, reads Vault %v", again, s.readsVault())
	}
	s.push()
	if again := s.settle(); again || s.readsVault() {
		t.Errorf("once it does not refer to it: again %v, reads Vault %v", again, s.readsVault())
	}
}

// A certificate that was kept in two locations in turn is referred to in the present one.
func TestKeptTwice(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.cert.Spec.VaultKV.Path = "folder"
	s.issue()
	s.cert.Spec.VaultKV.Path = ""
	if err := s.Save(t.Context(), s.input, s.target.Fingerprint, nil, []byte("key")); err != nil {
		t.Fatal(err)
	}
	s.cert.Spec.VaultKV.Path = "folder"
	s.push()
	if again := s.settle(); again || !slices.Equal(s.cert.Status.KeyLocations, []v1alpha1.KeyLocation{placed("kv", "folder")}) {
		t.Errorf("again %v, locations %v", again, s.cert.Status.KeyLocations)
	}
}

func TestLeftWithoutIssuer(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInSecret)
	s.issue()
	gone := placed("kv", "old")
	gone.Issuer = "VaultIssuer/gone"
	s.cert.Status.KeyLocations = []v1alpha1.KeyLocation{gone}
	if again := s.settle(); again || !slices.Equal(s.cert.Status.KeyLocations, []v1alpha1.KeyLocation{gone}) {
		t.Errorf("again %v, locations %v", again, s.cert.Status.KeyLocations)
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
		{finding.New(v1alpha1.ReasonKeyStorageUnsupported, "no issuer"), false},
		{errors.New("gateway default: connection refused"), true},
		{fmt.Errorf("gateway default: %w", &apisix.APIError{Status: 401}), false},
		{fmt.Errorf("gateway default: %w", &apisix.APIError{Status: 503}), true},
	} {
		if isTransient(row.err) != row.want {
			t.Errorf("%v: not %v", row.err, row.want)
		}
	}
}
