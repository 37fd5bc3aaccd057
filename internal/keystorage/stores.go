// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// Input is a certificate whose key is kept, and what is known of it. Nothing in it is changed.
type Input struct {
	Certificate *v1alpha1.ApisixCertificate
	Secret      *corev1.Secret  // nil: there is none, or it may not be read
	Issuer      v1alpha1.Issuer // nil: not found
	// Gateways are those of the certificate, FormerGateways those that it has left.
	Gateways, FormerGateways []*gateway.Gateway
}

// store is where keys of one certificate are kept, a type for each v1alpha1.KeyStorage.
type store interface {
	// observe finds out whether keys can be kept there: Outside, wanted, Unsupported, Unknown, and what else belongs to it.
	observe(ctx context.Context, s *State) error
	// lost says where the key of the target was and is not any more; empty: it is there, or that is not known.
	lost(ctx context.Context, t gateway.Target, unserved bool) string
	// save keeps a new key.
	save(ctx context.Context, fingerprint string, certPEM, keyPEM []byte) error
	// settle drops what was needed until certificate is pushed to all gateways with this fingerprint.
	settle(ctx context.Context, s State, fingerprint string)
}

// Stores keep the keys of all certificates. Live, which reads past the cache, and Issuers are required.
type Stores struct {
	Live    client.Reader
	Issuers Issuers

	held  heldKeys
	swept sync.Map // see inVault
}

// storeFor is the only place where a store is chosen.
func (s *Stores) storeFor(k Input) store {
	cert := k.Certificate
	switch storage := cert.Spec.KeyStorage; {
	case storage == v1alpha1.KeyAtGateway:
		return atGateway{uid: cert.UID, gateways: k.Gateways, held: &s.held}
	case storage == v1alpha1.KeyInVaultKV && cert.Spec.VaultKV != nil:
		return inVault{cert: cert, issuer: k.Issuer, gateways: k.Gateways, live: s.Live, issuers: s.Issuers, held: &s.held, swept: &s.swept}
	}
	return inSecret{uid: cert.UID, held: &s.held}
}

// Observe finds out where the key is. target is the pair in the Secret without key and reference. usable: it may be pushed, so
// that a lost key matters. unserved: the last handshakes at the gateways showed another certificate. Errors are of Kubernetes.
func (s *Stores) Observe(ctx context.Context, k Input, target gateway.Target, usable, unserved bool) (State, error) {
	cert, store := k.Certificate, s.storeFor(k)
	state := State{held: s.held.get(cert.UID)}
	if err := store.observe(ctx, &state); err != nil {
		return state, err
	}
	if !cert.Spec.Provided {
		state.present = presentLocation(k.Secret, state.wanted, cert.Status.KeyLocations)
	}
	state.Locations = allLocations(cert.Status.KeyLocations, state.present)
	state.Misplaced = misplaced(state, k.Secret)
	if len(k.Gateways) > 0 { // all have the same id for it
		state.reader.ID = k.Gateways[0].ID(gateway.Target{UID: string(cert.UID)})
	}
	if usable && len(target.Hosts) > 0 && state.Unsupported == nil && state.Unknown == nil && state.Misplaced == "" {
		state.Fill(&target)
		state.Lost = store.lost(ctx, target, unserved)
	}
	return state, nil
}

// misplaced is State.Misplaced.
func misplaced(s State, secret *corev1.Secret) string {
	switch {
	case !s.Outside || secret == nil:
		return ""
	case len(secret.Data[corev1.TLSPrivateKeyKey]) > 0:
		return "the private key is in the Secret, but spec.keyStorage keeps it out"
	case s.present != s.wanted:
		return "the private key is not at the location that spec.keyStorage and spec.vaultKV specify"
	}
	return ""
}

// Save keeps the key of a new certificate before its Secret is written. It may be repeated. Errors are those of a vault.Session
// and of Issuers, and a *finding.Finding where the issuer is gone.
func (s *Stores) Save(ctx context.Context, k Input, fingerprint string, certPEM, keyPEM []byte) error {
	return s.storeFor(k).save(ctx, fingerprint, certPEM, keyPEM)
}

// Settle ends what a new key needed until every gateway was seen to hold it, which is when to call it: the copy in memory, older
// keys in Vault, locations that the certificate has left. It gives the locations that are left for status, and whether the rest may be
// cleared soon. What fails is logged, and left for the next time.
func (s *Stores) Settle(ctx context.Context, k Input, state State, target gateway.Target) (locations []v1alpha1.KeyLocation, again bool) {
	s.storeFor(k).settle(ctx, state, target.Fingerprint)
	return s.cleanerFor(k, target).clearFormer(ctx, state.Locations, state.present)
}

// DeleteAll deletes what a deleted certificate has outside of Kubernetes. It may be repeated. It fails where a gateway or Vault does
// not answer; what nobody could delete any more is logged and left.
func (s *Stores) DeleteAll(ctx context.Context, k Input, state State, target gateway.Target) error {
	s.Forget(k.Certificate.UID)
	locations := state.Locations
	if state.wanted != noLocation && !slices.Contains(locations, state.wanted) {
		locations = append(slices.Clone(locations), state.wanted) // a key may have been written, and its Secret not
	}
	return s.cleanerFor(k, target).clearAll(ctx, locations)
}

// Forget drops what is in memory of a certificate that is gone.
func (s *Stores) Forget(uid types.UID) {
	s.held.forget(uid)
	s.swept.Delete(uid)
}

func (s *Stores) cleanerFor(k Input, target gateway.Target) cleaner {
	return cleaner{issuers: s.Issuers, namespace: k.Certificate.Namespace, gateways: slices.Concat(k.FormerGateways, k.Gateways), target: target}
}
