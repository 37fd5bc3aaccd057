// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

func placeAt(path string) v1alpha1.VaultKVPlace {
	return v1alpha1.VaultKVPlace{Issuer: "VaultIssuer/vault", Mount: "kv", Path: path + "/uid-c"}
}

// inVault has a certificate whose key is in Vault.
func inVault(t *testing.T) *scene {
	s := newScene(t, storage(v1alpha1.KeyInVaultKV))
	s.gateways = []*gateway.Gateway{{Name: "default", Cluster: "blue"}}
	s.issue(t, now)
	return s
}

func (s *scene) currentTarget() gateway.Target { return s.target(certs.Decide(s.facts(), now)) }

// A key that is to go elsewhere is a reason to issue, and until then the gateway has what it had.
func TestKeyMoves(t *testing.T) {
	for name, move := range map[string]func(*v1alpha1.ApisixCertificateSpec){
		"path":    func(spec *v1alpha1.ApisixCertificateSpec) { spec.VaultKV.Path = "other" },
		"mount":   func(spec *v1alpha1.ApisixCertificateSpec) { spec.VaultKV.Mount = "other" },
		"gateway": func(spec *v1alpha1.ApisixCertificateSpec) { spec.KeyStorage, spec.VaultKV = v1alpha1.KeyAtGateway, nil },
	} {
		s := inVault(t)
		before := s.currentTarget().Reference
		move(&s.cert.Spec)
		if p := s.decide(); !p.issue || p.decision.Reason != keyMoved {
			t.Errorf("%s: %+v", name, p.decision)
		}
		if after := s.currentTarget().Reference; after == nil || !after.Old || after.Cert != before.Cert || after.Key != before.Key {
			t.Errorf("%s: the reference is %v, and was %v", name, after, before)
		}
		s.issue(t, now)
		if p := s.decide(); p.issue || p.relabel {
			t.Errorf("%s, after issuing: %+v", name, p.decision)
		}
	}
}

// Into Vault: until the key is there, what is in the Secret is pushed.
func TestKeyMovesIntoVault(t *testing.T) {
	s := newScene(t)
	s.issue(t, now)
	storage(v1alpha1.KeyInVaultKV)(s)
	s.gateways = []*gateway.Gateway{{Name: "default"}}
	if target := s.currentTarget(); target.Reference != nil || len(target.Key) == 0 {
		t.Errorf("reference %v, a key of %d bytes", target.Reference, len(target.Key))
	}
	if p := s.decide(); !p.issue || p.decision.Reason != keyMoved {
		t.Errorf("%+v", p.decision)
	}
}

// A Secret's mark leads nowhere but to a folder of its certificate.
func TestPlace(t *testing.T) {
	for _, row := range []struct {
		mark string
		want v1alpha1.VaultKVPlace
	}{
		{"VaultIssuer/vault kv apisix-certs/uid-c", placeAt("apisix-certs")},
		{"VaultIssuer/vault kv old/uid-c", placeAt("old")}, // which the status records
		{"VaultIssuer/vault kv other/uid-c", nowhere},
		{"VaultIssuer/vault kv other/uid-d", nowhere},
		{"VaultIssuer/vault kv ../pki/uid-c", nowhere},
		{"VaultIssuer/vault  other/uid-c", nowhere},
		{"VaultIssuer/vault kv", nowhere},
		{"", nowhere},
	} {
		s := inVault(t)
		s.cert.Status.VaultKV = append(s.cert.Status.VaultKV, placeAt("old"))
		s.secret.Annotations[v1alpha1.AnnotationVaultKV] = row.mark
		if got := s.place(); got != row.want {
			t.Errorf("%q: %+v", row.mark, got)
		}
	}
	s := inVault(t)
	delete(s.secret.Annotations, v1alpha1.AnnotationVaultKV)
	s.cert.Status.VaultKV = nil
	if s.place() != nowhere {
		t.Error("a key is thought to be where none was")
	}
	s.cert.Status.VaultKV = []v1alpha1.VaultKVPlace{placeAt("apisix-certs")}
	if p := s.decide(); s.place() != placeAt("apisix-certs") || p.issue || !p.relabel {
		t.Errorf("without its mark: %+v", p)
	}
}

func TestPlaces(t *testing.T) {
	s := inVault(t)
	s.cert.Status.VaultKV = []v1alpha1.VaultKVPlace{placeAt("apisix-certs"), placeAt("old")}
	if diff := cmp.Diff([]v1alpha1.VaultKVPlace{placeAt("old"), placeAt("apisix-certs")}, s.places()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.secret = nil
	if diff := cmp.Diff(s.cert.Status.VaultKV, s.places()); diff != "" {
		t.Errorf("without a Secret (-want +got):\n%s", diff)
	}
}

// Nothing is cleared before the new place is proven, nor where a gateway could not be asked.
func TestClearPlacesWaits(t *testing.T) {
	bad := errors.New("no answer")
	for name, done := range map[string]outcome{
		"no gateway":         {},
		"issuing failed":     {err: bad, gateways: []pushed{at("default")}},
		"a push failed":      {gateways: []pushed{at("default", func(p *pushed) { p.err = bad })}},
		"a key is missing":   {gateways: []pushed{at("default", func(p *pushed) { p.verb = gateway.Renew })}},
		"another is served":  {gateways: []pushed{at("default", func(p *pushed) { p.proof.Asked = true })}},
		"one of two is late": {gateways: []pushed{at("default"), at("other", func(p *pushed) { p.verb = gateway.Wait })}},
	} {
		s := fits(t)
		s.cert.Status.VaultKV = []v1alpha1.VaultKVPlace{placeAt("old")}
		left, again := (&Reconciler{}).clearPlaces(t.Context(), &s.observed, done) // to ask anybody would panic
		if len(left) != 1 || again {
			t.Errorf("%s: left %v, again %v", name, left, again)
		}
	}
}

// folders is a Vault by path.
type folders struct {
	names   []string
	deleted []string
	err     error
}

func (f *folders) WriteKV(context.Context, string, map[string]string) error { return f.err }
func (f *folders) HasKV(context.Context, string, string) (bool, error)      { return false, f.err }
func (f *folders) ListKV(context.Context, string) ([]string, error)         { return f.names, f.err }
func (f *folders) DeleteKV(_ context.Context, path string) error {
	f.deleted = append(f.deleted, path)
	return f.err
}

func TestClearFolder(t *testing.T) {
	f := &folders{names: []string{"a", "b", "c"}}
	keep := func(name string) (bool, error) { return name == "b", nil }
	if err := clearFolder(t.Context(), f, "kv/old", keep); err != nil || !slices.Equal(f.deleted, []string{"kv/old/a", "kv/old/c"}) {
		t.Errorf("deleted %v, %v", f.deleted, err)
	}
	used := &usedError{placeAt("old")}
	f.deleted = nil
	if err := clearFolder(t.Context(), f, "kv/old", func(string) (bool, error) { return false, used }); !errors.Is(err, used) || len(f.deleted) > 0 {
		t.Errorf("deleted %v, %v", f.deleted, err)
	}
}

func TestPasses(t *testing.T) {
	for _, row := range []struct {
		err  error
		want bool
	}{
		{&usedError{placeAt("old")}, true},
		{&vault.Error{Kind: vault.Transient}, true},
		{&vault.Error{Kind: vault.Setup}, false},
		{&KeyStorageError{"no issuer"}, false},
		{errors.New("gateway default: connection refused"), true},
		{fmt.Errorf("gateway default: %w", &apisix.APIError{Status: 401}), false},
		{fmt.Errorf("gateway default: %w", &apisix.APIError{Status: 503}), true},
	} {
		if passes(row.err) != row.want {
			t.Errorf("%v: not %v", row.err, row.want)
		}
	}
}
