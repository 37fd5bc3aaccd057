// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// inVault stores keys in a key-value engine of the issuer's Vault, from which gateways read them.
type inVault struct {
	cert     *v1alpha1.ApisixCertificate
	issuer   v1alpha1.Issuer // nil: not found
	gateways []*gateway.Gateway
	live     client.Reader
	issuers  Issuers
	held     *heldKeys
	// swept has by UID the fingerprint of the certificate for which older secrets were deleted.
	swept *sync.Map
}

// wantedLocation returns where the spec wants the key. The UID separates clusters and tenants that use the same path.
func (s inVault) wantedLocation() v1alpha1.KeyLocation {
	kv := s.cert.Spec.VaultKV
	return v1alpha1.KeyLocation{
		Issuer: s.cert.Spec.IssuerRef.String(), Mount: cmp.Or(kv.Mount, "kv"), Path: cmp.Or(kv.Path, "apisix-certs") + "/" + string(s.cert.UID),
	}
}

func (s inVault) observe(ctx context.Context, state *State) error {
	state.Outside, state.wanted = true, s.wantedLocation()
	if state.Unsupported, state.Unknown = checkOwnMode(ctx, s.gateways, v1alpha1.KeyInVaultKV); state.Unsupported != nil || state.Unknown != nil {
		return nil
	}
	token, err := s.token(ctx)
	if why := (*finding.Finding)(nil); errors.As(err, &why) {
		state.Unsupported = why
		return nil
	}
	if err != nil || s.issuer == nil { // a missing issuer is reported elsewhere
		return err
	}
	server := s.issuer.IssuerSpec()
	if server.Server == "" {
		state.Unsupported = finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: VaultKV requires an issuer backed by Vault, and %s is not; use another issuer, or use Secret", state.wanted.Issuer)
		return nil
	}
	state.reader = apisix.VaultSecret{URI: strings.TrimRight(server.Server, "/"), Prefix: state.wanted.Mount, Namespace: server.Namespace}
	state.token = token
	return nil
}

// token returns the token with which the gateway reads from Vault, or a *finding.Finding.
func (s inVault) token(ctx context.Context) (vault.Secret, error) {
	ref := s.cert.Spec.VaultKV.TokenSecretRef
	secret := &corev1.Secret{}
	err := s.live.Get(ctx, client.ObjectKey{Namespace: s.cert.Namespace, Name: ref.Name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return vault.Secret{}, fmt.Errorf("read gateway token: %w", err)
	}
	key := cmp.Or(ref.Key, "token")
	token := vault.NewSecret(string(secret.Data[key]))
	switch {
	case token.IsZero():
		return token, finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: VaultKV requires spec.vaultKV.tokenSecretRef: Secret %s has no value under key %s; add a Vault token that allows the gateway to read the key", ref.Name, key)
	case strings.HasPrefix(token.Reveal(), "$") && !s.cert.Spec.IssuerRef.WithKind().ClusterWide():
		return token, finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: spec.vaultKV.tokenSecretRef: key %s of Secret %s is a reference that the gateway resolves, which only certificates of a cluster-wide issuer may use; store a Vault token there", key, ref.Name)
	}
	return token, nil
}

// folder opens the folder of the wanted location.
func (s inVault) folder(ctx context.Context) (folder, error) {
	if s.issuer == nil {
		return folder{}, finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: %s, through which keys are stored in Vault, does not exist", s.cert.Spec.IssuerRef)
	}
	session, err := s.issuers.Session(ctx, s.issuer)
	return folder{session, folderPath(s.wantedLocation())}, err
}

// lost reports that the pair is missing from Vault. It is not checked while the certificate is served.
func (s inVault) lost(ctx context.Context, t gateway.Target, unserved bool) string {
	if !unserved {
		return ""
	}
	f, err := s.folder(ctx)
	if err != nil {
		return ""
	}
	if has, err := f.has(ctx, t.Fingerprint); err != nil || has {
		return ""
	}
	return "the private key is missing from Vault"
}

func (s inVault) save(ctx context.Context, fingerprint string, certPEM, keyPEM []byte) error {
	f, err := s.folder(ctx)
	if err != nil {
		return err
	}
	return f.write(ctx, fingerprint, certPEM, keyPEM)
}

// settle deletes the secrets of older certificates, once for each new certificate. Failures are retried the next time; an
// extra secret does no harm.
func (s inVault) settle(ctx context.Context, state State, fingerprint string) {
	s.held.forget(s.cert.UID)
	if swept, _ := s.swept.Load(s.cert.UID); swept == fingerprint || s.issuer == nil || state.present != state.wanted {
		return
	}
	f, err := s.folder(ctx)
	if err == nil {
		err = f.clear(ctx, fingerprint)
	}
	if err != nil {
		ctrl.LoggerFrom(ctx).Info("cannot delete older keys in Vault", "error", err.Error())
		return
	}
	s.swept.Store(s.cert.UID, fingerprint)
}
