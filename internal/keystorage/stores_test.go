// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

var everywhere = []v1alpha1.KeyStorage{"", v1alpha1.KeyInSecret, v1alpha1.KeyAtGateway, v1alpha1.KeyInVaultKV}

// A certificate is served wherever its key is kept, and nothing more is wanted then.
func TestServed(t *testing.T) {
	for _, storage := range everywhere {
		s := newScene(t, storage)
		s.issue()
		if state := s.observe(); state.Lost != "" || state.Misplaced != "" || state.Unsupported != nil || state.Unknown != nil || state.Mark() != state.PresentMark() {
			t.Errorf("%q: after issuing: %+v, marks %q and %q", storage, state, state.Mark(), state.PresentMark())
		}
		if !s.push() {
			t.Errorf("%q: not served", storage)
		}
		if again := s.settle(); again {
			t.Errorf("%q: it is not settled", storage)
		}
		if state := s.observeServed(false); state.Lost != "" || state.Misplaced != "" {
			t.Errorf("%q: after settling: %+v", storage, state)
		}
	}
}

func TestSecretType(t *testing.T) {
	for storage, want := range map[v1alpha1.KeyStorage]corev1.SecretType{
		"": corev1.SecretTypeTLS, v1alpha1.KeyInSecret: corev1.SecretTypeTLS, v1alpha1.KeyAtGateway: corev1.SecretTypeOpaque, v1alpha1.KeyInVaultKV: corev1.SecretTypeOpaque,
	} {
		s := newScene(t, storage)
		if state := s.observe(); SecretType(s.input.Certificate) != want || state.Outside != (want == corev1.SecretTypeOpaque) {
			t.Errorf("%q: %s, outside %v", storage, SecretType(s.input.Certificate), state.Outside)
		}
	}
}

func TestShowsNoSecret(t *testing.T) {
	for _, storage := range everywhere {
		s := newScene(t, storage)
		s.token("hvs.token")
		s.issue()
		state := s.observe()
		text, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprintf("%v %+v %#v %s %v %+v", state, state, state, text, struct{ in State }{state}, s.held.byUID)
		for _, secret := range []string{"PRIVATE", "hvs.token", "45 66", "45 45 45"} {
			if strings.Contains(shown, secret) {
				t.Errorf("%q shows a secret: %s", storage, shown)
			}
		}
	}
}

// A key that is to go elsewhere needs a new certificate, and until then the gateway has what it had.
func TestMoves(t *testing.T) {
	for name, move := range map[string]func(*scene){
		"another path":             func(s *scene) { s.cert.Spec.VaultKV.Path = "folder" },
		"another mount":            func(s *scene) { s.cert.Spec.VaultKV.Mount = "other" },
		"from Vault to gateway":    func(s *scene) { s.want(v1alpha1.KeyAtGateway) },
		"to Vault, from gateway":   func(s *scene) { s.want(v1alpha1.KeyInVaultKV) },
		"to gateway, from Secret":  func(s *scene) { s.want(v1alpha1.KeyAtGateway) },
		"into Vault, from Secret ": func(s *scene) { s.want(v1alpha1.KeyInVaultKV) },
	} {
		t.Run(name, func(t *testing.T) {
			from := v1alpha1.KeyInVaultKV
			switch {
			case strings.Contains(name, "from gateway"):
				from = v1alpha1.KeyAtGateway
			case strings.Contains(name, "from Secret"):
				from = v1alpha1.KeyInSecret
			}
			s := newScene(t, from)
			s.issue()
			s.push()
			s.settle()
			before := s.filled()
			move(s)
			if state := s.observe(); state.Misplaced == "" {
				t.Errorf("it is not misplaced: %+v", state)
			}
			after := s.filled()
			if string(after.Key) != string(before.Key) {
				t.Error("there is another key")
			}
			if before.VaultReference != nil && (after.VaultReference == nil || !after.VaultReference.Old || after.VaultReference.Cert != before.VaultReference.Cert || after.VaultReference.Key != before.VaultReference.Key) {
				t.Errorf("the reference is %v, and was %v", after.VaultReference, before.VaultReference)
			}
			if before.VaultReference == nil && after.VaultReference != nil {
				t.Errorf("there is a reference to a key that is not in Vault: %v", after.VaultReference)
			}
			s.issue()
			if state := s.observe(); state.Misplaced != "" || state.Lost != "" {
				t.Errorf("after issuing: %+v", state)
			}
			if !s.push() {
				t.Error("not served from where it went")
			}
			if again := s.settle(); again || len(s.vault.paths()) != len(s.cert.Status.KeyLocations) {
				t.Errorf("again %v, locations %v, in Vault %v", again, s.cert.Status.KeyLocations, s.vault.paths())
			}
		})
	}
}

// A key that has to go elsewhere is not lost too, whatever the gateway says.
func TestMisplacedIsNotLost(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.want(v1alpha1.KeyAtGateway)
	if state := s.observeServed(false); state.Misplaced == "" || state.Lost != "" {
		t.Errorf("%+v", state)
	}
}

// A new key is in Vault, and its Secret is not written yet: that the one before is settled does not end it.
func TestNewKeyStaysUntilItsSecretIsWritten(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.push()
	s.cert.Spec.VaultKV.Path = "folder"
	if err := s.Save(t.Context(), s.input, strings.Repeat("f", 64), nil, []byte("key")); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if want := "kv/folder/uid-c/" + strings.Repeat("f", 32); !slices.Contains(s.vault.paths(), want) {
		t.Errorf("%v", s.vault.paths())
	}
}

func TestMovesBackToSecret(t *testing.T) {
	for _, from := range []v1alpha1.KeyStorage{v1alpha1.KeyAtGateway, v1alpha1.KeyInVaultKV} {
		s := newScene(t, from)
		s.issue()
		s.push()
		if s.readsVault() != (from == v1alpha1.KeyInVaultKV) {
			t.Fatalf("%s: the gateway reads from Vault: %v", from, s.readsVault())
		}
		s.want(v1alpha1.KeyInSecret)
		if state := s.observe(); state.Misplaced != "" || state.Outside {
			t.Errorf("%s: package certs finds that the key is missing: %+v", from, state)
		}
		s.issue()
		s.push()
		if again := s.settle(); again || len(s.vault.paths()) > 0 || len(s.cert.Status.KeyLocations) > 0 || s.held.get("uid-c") != (heldKey{}) || s.readsVault() {
			t.Errorf("%s: again %v, in Vault %v, locations %v, reads Vault %v", from, again, s.vault.paths(), s.cert.Status.KeyLocations, s.readsVault())
		}
	}
}

func TestImpossible(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*scene)
		says   string
	}{
		"no gateway":    {func(s *scene) { s.input.Gateways = nil }, "requires a gateway"},
		"mode adopt":    {func(s *scene) { s.gateway.Mode = gateway.ModeAdopt }, "gateway default is in mode adopt"},
		"no token":      {func(s *scene) { delete(s.secrets, "ns/token") }, "Secret token has no value under key token"},
		"empty token":   {func(s *scene) { s.token(" \n") }, "Secret token has no value under key token"},
		"of gateway":    {func(s *scene) { s.token("$env://TOKEN") }, "which only certificates of a cluster-wide issuer may"},
		"not a Vault":   {func(s *scene) { s.input.Issuer.IssuerSpec().Server = "" }, "VaultIssuer/vault is not; use another issuer"},
		"other gateway": {func(s *scene) { s.gateway.Mode = gateway.ModeSecret }, "mode secret"},
	} {
		s := newScene(t, v1alpha1.KeyInVaultKV)
		if state := s.observe(); state.Unsupported != nil {
			t.Fatalf("before: %v", state.Unsupported)
		}
		row.change(s)
		state := s.observe()
		if state.Unsupported == nil || state.Unsupported.Reason != v1alpha1.ReasonKeyStorageUnsupported || !strings.HasPrefix(state.Unsupported.Message, "spec.keyStorage: ") || !strings.Contains(state.Unsupported.Message, row.says) {
			t.Errorf("%s: %+v", name, state.Unsupported)
		}
	}
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.token("$env://TOKEN")
	s.cert.Spec.IssuerRef.Kind = v1alpha1.KindClusterVaultIssuer
	if state := s.observe(); state.Unsupported != nil {
		t.Errorf("of a cluster-wide issuer: %v", state.Unsupported)
	}
}

// A gateway that does not say its mode is no reason to think that the key is lost.
func TestUnknown(t *testing.T) {
	s := newScene(t, v1alpha1.KeyAtGateway)
	s.issue()
	s.Forget("uid-c")
	s.gateway.Mode = gateway.ModeAuto
	s.standIn.Close()
	if state := s.observeServed(false); state.Unknown == nil || state.Unsupported != nil || state.Lost != "" {
		t.Errorf("%+v", state)
	}
}

func TestLostAtGateway(t *testing.T) {
	s := newScene(t, v1alpha1.KeyAtGateway)
	s.issue()
	s.push()
	s.standIn.Wipe()
	if err := s.gateway.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state := s.observe(); state.Lost != "" {
		t.Errorf("while the key is held: %q", state.Lost)
	}
	s.Forget("uid-c")
	if state := s.observe(); state.Lost != "gateway default has lost the private key, of which it had the only copy" {
		t.Errorf("%+v", state)
	}
	state, err := s.Observe(t.Context(), s.input, s.target, false, false)
	if err != nil || state.Lost != "" {
		t.Errorf("of a certificate that may not be pushed: %q %v", state.Lost, err)
	}
}

func TestLostInVault(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.vault.lose()
	if state := s.observe(); state.Lost != "" {
		t.Errorf("while it is served: %q", state.Lost)
	}
	s.vault.answer(503)
	if state := s.observeServed(false); state.Lost != "" {
		t.Errorf("while Vault is sealed: %q", state.Lost)
	}
	s.vault.answer(0)
	if state := s.observeServed(false); state.Lost != "the private key is missing from Vault" {
		t.Errorf("%+v", state)
	}
}

// While the key is held, and the gateway does not serve it, nothing is lost; what is held goes once the certificate is settled.
func TestHeldUntilSettled(t *testing.T) {
	for _, storage := range []v1alpha1.KeyStorage{v1alpha1.KeyAtGateway, v1alpha1.KeyInVaultKV} {
		s := newScene(t, v1alpha1.KeyAtGateway)
		s.issue()
		if s.held.get("uid-c").fingerprint != s.target.Fingerprint {
			t.Fatal("a new key is not held")
		}
		s.want(storage)
		if storage == v1alpha1.KeyInVaultKV {
			s.issue()
		}
		s.push()
		if s.settle(); s.held.get("uid-c") != (heldKey{}) {
			t.Errorf("%s: a key is still held", storage)
		}
	}
}

// The gateway has the certificate with a key that is not its own, which its Admin API takes.
func TestUnfitAtGateway(t *testing.T) {
	s := newScene(t, v1alpha1.KeyAtGateway)
	s.issue()
	s.push()
	if state := s.observeServed(false); state.Lost != "" {
		t.Fatalf("while it is served: %q", state.Lost)
	}
	ssl := s.standIn.SSLs()[0]
	_, ssl.Key = s.newKey()
	if _, err := s.gateway.Admin.PutSSL(t.Context(), ssl); err != nil {
		t.Fatal(err)
	}
	if state := s.observeServed(false); state.Lost != "" {
		t.Errorf("while the right one is held, and can be written: %q", state.Lost)
	}
	s.settle()
	if state := s.observe(); state.Lost != "" {
		t.Errorf("handshakes are made though the last ones were right: %q", state.Lost)
	}
	if state := s.observeServed(false); state.Lost != "gateway default does not serve the certificate with its private key, of which it has the only copy" {
		t.Errorf("%+v", state)
	}
}

// Each certificate has a reference of its own, or the gateway would serve the one before for 300 s.
func TestReference(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	if s.filled().VaultReference != nil {
		t.Error("there is a reference without a certificate")
	}
	s.issue()
	of := func(digit string) *gateway.VaultReference {
		target := gateway.Target{UID: "uid-c", Pair: gateway.Pair{Fingerprint: strings.Repeat(digit, 64)}}
		s.observe().Fill(&target)
		return target.VaultReference
	}
	one, two := of("1"), of("2")
	if one.Cert == two.Cert || one.Key == two.Key || one.Cert == one.Key || one.Secret.ID != two.Secret.ID || one.Old {
		t.Errorf("%v %v, old %v", one, two, one.Old)
	}
	if want := "/apisix-certs/uid-c/" + strings.Repeat("1", 32) + "/key"; !strings.HasPrefix(one.Key, "$secret://vault/ac-") || !strings.HasSuffix(one.Key, want) {
		t.Errorf("%s", one.Key)
	}
	if one.Secret.URI != s.vault.URL || one.Secret.Prefix != "kv" || one.Secret.Token != "reads" {
		t.Errorf("%v, token %q", one.Secret, one.Secret.Token)
	}
}

// Older keys go once a new one is settled, and only once for each.
func TestSweeps(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.push()
	s.issue()
	if n := len(s.vault.paths()); n != 2 {
		t.Fatalf("%d secrets before settling", n)
	}
	s.push()
	s.vault.answer(403)
	s.settle()
	s.vault.answer(0)
	if n := len(s.vault.paths()); n != 2 {
		t.Fatalf("%d secrets after Vault has refused", n)
	}
	s.settle()
	if paths := s.vault.paths(); !slices.Equal(paths, []string{"kv/apisix-certs/uid-c/" + s.target.Fingerprint[:32]}) {
		t.Errorf("%v", paths)
	}
	s.vault.called()
	if s.settle(); s.vault.called() > 0 {
		t.Error("Vault is called again, and nothing has changed")
	}
}

func TestEnd(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.push()
	s.held.put("uid-c", s.target.Fingerprint, []byte("key"))
	s.cert.Spec.VaultKV.Path = "folder" // where a key may be whose Secret was not written
	if err := s.Save(t.Context(), s.input, strings.Repeat("f", 64), nil, []byte("key")); err != nil {
		t.Fatal(err)
	}
	s.vault.answer(503)
	if err := s.DeleteAll(t.Context(), s.input, s.observe(), s.target); err == nil || len(s.vault.paths()) != 2 {
		t.Errorf("while Vault is sealed: %v, in Vault %v", err, s.vault.paths())
	}
	s.vault.answer(0)
	if err := s.DeleteAll(t.Context(), s.input, s.observe(), s.target); err != nil || len(s.vault.paths()) > 0 || s.readsVault() {
		t.Errorf("%v, in Vault %v, the gateway reads %v", err, s.vault.paths(), s.readsVault())
	}
	if s.held.get("uid-c") != (heldKey{}) {
		t.Error("a key is still held")
	}
	delete(s.issuers.byName, "VaultIssuer/vault")
	if err := s.DeleteAll(t.Context(), s.input, s.observe(), s.target); err != nil {
		t.Errorf("without the issuer: %v", err)
	}
}

// The Secret's mark is lost: the key is where it is wanted if it was there before.
func TestWithoutMark(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.input.Secret.Annotations = nil
	if state := s.observe(); state.Misplaced != "" || state.PresentMark() != state.Mark() {
		t.Errorf("%+v", state)
	}
	s.cert.Status.KeyLocations = nil
	if state := s.observe(); state.Misplaced == "" || state.PresentMark() != "" {
		t.Errorf("a key is thought to be where none was: %+v", state)
	}
}

func TestProvided(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.want("")
	s.cert.Spec.Provided = true
	if state := s.observe(); state.PresentMark() != "" {
		t.Errorf("a mark on the Secret of somebody else counts: %+v", state)
	}
}

func TestPlacesOfState(t *testing.T) {
	s := newScene(t, v1alpha1.KeyInVaultKV)
	s.issue()
	s.cert.Status.KeyLocations = []v1alpha1.KeyLocation{placed("kv", "apisix-certs"), placed("kv", "old")}
	if diff := cmp.Diff([]v1alpha1.KeyLocation{placed("kv", "old"), placed("kv", "apisix-certs")}, s.observe().Locations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.input.Secret = nil
	if diff := cmp.Diff(s.cert.Status.KeyLocations, s.observe().Locations); diff != "" {
		t.Errorf("without a Secret (-want +got):\n%s", diff)
	}
}
