// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// keyLost and keyMoved are reasons to issue beside those of package certs.
const (
	keyLost  certs.Reason = "KeyLost"           // the key was outside of Kubernetes and is gone from there
	keyMoved certs.Reason = "KeyStorageChanged" // the key is where it should not be any more
)

// KeyStorageError says why a key cannot be kept where the spec says. Its text is stable.
type KeyStorageError struct{ Problem string }

func (e *KeyStorageError) Error() string { return "spec.keyStorage: " + e.Problem }

// heldKeys are the private keys that are at no gateway yet, by the UID of the ApisixCertificate. They are in memory only.
type heldKeys struct {
	sync.Mutex
	byUID map[types.UID]heldKey
}

type heldKey struct {
	fingerprint string
	pem         vault.Secret
}

func (h *heldKeys) put(uid types.UID, fingerprint string, pem []byte) {
	h.Lock()
	defer h.Unlock()
	if h.byUID == nil {
		h.byUID = map[types.UID]heldKey{}
	}
	h.byUID[uid] = heldKey{fingerprint, vault.NewSecret(string(pem))}
}

// get gives the key of a certificate, nil where it is not held.
func (h *heldKeys) get(uid types.UID, fingerprint string) []byte {
	h.Lock()
	defer h.Unlock()
	if held := h.byUID[uid]; held.fingerprint == fingerprint && !held.pem.IsZero() {
		return []byte(held.pem.Reveal())
	}
	return nil
}

func (h *heldKeys) drop(uid types.UID) {
	h.Lock()
	defer h.Unlock()
	delete(h.byUID, uid)
}

// storage is where the key is kept.
func (o *observed) storage() v1alpha1.KeyStorage {
	return cmp.Or(o.cert.Spec.KeyStorage, v1alpha1.KeyInSecret)
}

func (o *observed) keyOutside() bool { return o.storage() != v1alpha1.KeyInSecret }

// secretType is that of the Secret. One of type kubernetes.io/tls must have a tls.key, and an empty one stops an ingress
// controller of the 2.x line.
func (o *observed) secretType() corev1.SecretType {
	if o.keyOutside() {
		return corev1.SecretTypeOpaque
	}
	return corev1.SecretTypeTLS
}

// keyReason says why a new key is needed though the certificate is right: message empty where none is.
func (o *observed) keyReason() (certs.Reason, string) {
	switch {
	case o.lost != "":
		return keyLost, o.lost
	case o.keyOutside() && o.secret != nil && len(o.secret.Data[corev1.TLSPrivateKeyKey]) > 0:
		return keyMoved, "the private key is in the Secret and should not be"
	case o.keyOutside() && o.secret != nil && o.place() != o.wantedPlace():
		return keyMoved, "the private key is not where spec.keyStorage and spec.vaultKV want it"
	}
	return "", ""
}

// observeKey finds out whether a key that is kept outside of Kubernetes is there.
func (r *Reconciler) observeKey(ctx context.Context, o *observed) error {
	if !o.keyOutside() {
		return nil
	}
	if !o.hasKeyPlace(ctx) {
		return nil
	}
	if o.storage() == v1alpha1.KeyInVaultKV {
		if err := r.observeToken(ctx, o); err != nil || o.noKeyPlace != nil {
			return err
		}
	}
	d := certs.Decide(o.facts(), r.Clock.Now())
	t := o.target(d)
	if d.Issue || len(t.Hosts) == 0 {
		return nil
	}
	if o.storage() == v1alpha1.KeyInVaultKV {
		o.lost = r.lostInVault(ctx, o, t)
		return nil
	}
	if len(t.Key) == 0 && t.Reference == nil {
		o.lost = lostAtGateway(ctx, o, t)
	}
	return nil
}

// hasKeyPlace tells whether a key can be kept outside of Kubernetes, and notes why not.
func (o *observed) hasKeyPlace(ctx context.Context) bool {
	o.noKeyPlace, o.keyUnknown = o.ownOnly(ctx)
	return o.noKeyPlace == nil && o.keyUnknown == nil
}

// ownOnly says why a key cannot be kept outside of Kubernetes at the certificate's gateways, or that a gateway does not
// tell.
func (o *observed) ownOnly(ctx context.Context) (never *KeyStorageError, unknown error) {
	if len(o.gateways) == 0 {
		return &KeyStorageError{fmt.Sprintf("%s needs a gateway, and none is configured for this certificate: use Secret", o.storage())}, nil
	}
	for _, g := range o.gateways {
		mode, err := g.FindMode(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("gateway %s: %w", g.Name, err)
		case mode != gateway.Own:
			return &KeyStorageError{fmt.Sprintf("%s needs push mode own, and gateway %s is in mode %s, where an ingress controller needs the key in the Secret: use Secret", o.storage(), g.Name, mode)}, nil
		}
	}
	return nil, nil
}

// lostAtGateway says which gateway does not have the key that it alone had; empty: none.
func lostAtGateway(ctx context.Context, o *observed, t gateway.Target) string {
	unserved := meta.IsStatusConditionFalse(o.cert.Status.Conditions, v1alpha1.ConditionServed)
	for _, g := range o.gateways {
		state, err := g.Observe(ctx, t)
		if err != nil {
			continue // the push tells
		}
		switch {
		case g.Plan(state, t).Verb == gateway.Renew:
			return "gateway " + g.Name + " has lost the private key that it alone had"
		case unserved && g.Explain(ctx, state, t, g.Prove(ctx, state.Hosts(t), t.Fingerprint)).Cause == gateway.UnfitKey:
			return "gateway " + g.Name + " does not serve the certificate with the private key that it alone had"
		}
	}
	return ""
}

// settleKey ends what a new key needs until it is proven to be where it should.
func (r *Reconciler) settleKey(ctx context.Context, o *observed, done outcome) {
	if !o.keyOutside() || len(done.gateways) == 0 {
		return
	}
	if !done.settled() {
		return
	}
	r.keys.drop(o.cert.UID)
	if place := o.place(); place != nowhere && place == o.wantedPlace() {
		r.sweep(ctx, o, certs.Fingerprint(done.decision.Bundle.Leaf))
	}
}

// observeToken reads the token with which the gateway reads from Vault.
func (r *Reconciler) observeToken(ctx context.Context, o *observed) error {
	ref := o.cert.Spec.VaultKV.TokenSecretRef
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: o.cert.Namespace, Name: ref.Name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("token of the gateway: %w", err)
	}
	key := cmp.Or(ref.Key, "token")
	token := strings.TrimSpace(string(secret.Data[key]))
	if token == "" {
		o.noKeyPlace = &KeyStorageError{fmt.Sprintf("VaultKV needs spec.vaultKV.tokenSecretRef: Secret %s has nothing under key %s: put a Vault token there with which the gateway may read", ref.Name, key)}
		return nil
	}
	if o.issuer == nil {
		return nil // a condition of its own says so
	}
	if strings.HasPrefix(token, "$") && !o.cert.Spec.IssuerRef.WithKind().ClusterWide() {
		o.noKeyPlace = &KeyStorageError{fmt.Sprintf("spec.vaultKV.tokenSecretRef: key %s of Secret %s refers to a value of the gateway, which only certificates of a cluster-wide issuer may: put a Vault token there", key, ref.Name)}
		return nil
	}
	server := o.issuer.IssuerSpec()
	o.gatewayVault = apisix.VaultSecret{URI: strings.TrimRight(server.Server, "/"), Prefix: o.kvMount(), Token: token, Namespace: server.Namespace}
	return nil
}
