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

// Input is a certificate whose key is stored, with what is known about it. It is not changed.
type Input struct {
	Certificate *v1alpha1.ApisixCertificate
	Secret      *corev1.Secret  // nil: there is none, or it may not be read
	Issuer      v1alpha1.Issuer // nil: not found
	// Gateways are the certificate's current gateways, FormerGateways those it no longer uses.
	Gateways, FormerGateways []*gateway.Gateway
}

// store stores the keys of one certificate. There is one type for each v1alpha1.KeyStorage.
type store interface {
	// observe sets Outside, wanted, Unsupported, Unknown and the fields that depend on them.
	observe(ctx context.Context, s *State) error
	// lost returns where the target's key is missing. It is empty if the key is there, or that is not known.
	lost(ctx context.Context, t gateway.Target, unserved bool) string
	// save stores a new key.
	save(ctx context.Context, fingerprint string, certPEM, keyPEM []byte) error
	// settle deletes what was needed until every gateway had the certificate with this fingerprint.
	settle(ctx context.Context, s State, fingerprint string)
}

// Stores stores the keys of all certificates. Live, which reads from the API server, and Issuers are required.
type Stores struct {
	Live    client.Reader
	Issuers Issuers

	held  heldKeys
	swept sync.Map // see inVault
}

// storeFor returns the store for the certificate's key storage.
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

// Observe returns where the key is. target is the pair in the Secret without key and reference. usable means that it may be
// pushed, so that a missing key matters. unserved means that the last handshakes with the gateways returned another
// certificate. Errors are those of Kubernetes.
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
	if len(k.Gateways) > 0 { // the id is the same at all
		state.reader.ID = k.Gateways[0].ID(gateway.Target{UID: string(cert.UID)})
	}
	if usable && len(target.Hosts) > 0 && state.Unsupported == nil && state.Unknown == nil && state.Misplaced == "" {
		state.Fill(&target)
		state.Lost = store.lost(ctx, target, unserved)
	}
	return state, nil
}

// misplaced returns State.Misplaced.
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

// Save stores the key of a new certificate before its Secret is written. It can be repeated. Errors are those of a
// vault.Session and of Issuers, and a *finding.Finding if the issuer does not exist.
func (s *Stores) Save(ctx context.Context, k Input, fingerprint string, certPEM, keyPEM []byte) error {
	return s.storeFor(k).save(ctx, fingerprint, certPEM, keyPEM)
}

// Settle deletes what a new key needed until every gateway had it: the copy in memory, older keys in Vault, and keys at
// former locations. Call it when all gateways have the certificate. It returns the remaining locations for the status, and
// whether the rest may be deleted soon. Failures are logged and retried the next time.
func (s *Stores) Settle(ctx context.Context, k Input, state State, target gateway.Target) (locations []v1alpha1.KeyLocation, again bool) {
	s.storeFor(k).settle(ctx, state, target.Fingerprint)
	return s.cleanerFor(k, target).clearFormer(ctx, state.Locations, state.present)
}

// DeleteAll deletes what a deleted certificate has outside Kubernetes. It can be repeated. It fails if a gateway or Vault
// does not respond; what can no longer be deleted is logged and left.
func (s *Stores) DeleteAll(ctx context.Context, k Input, state State, target gateway.Target) error {
	s.Forget(k.Certificate.UID)
	locations := state.Locations
	if state.wanted != noLocation && !slices.Contains(locations, state.wanted) {
		locations = append(slices.Clone(locations), state.wanted) // the key may have been written without its Secret
	}
	return s.cleanerFor(k, target).clearAll(ctx, locations)
}

// Forget removes a deleted certificate from memory.
func (s *Stores) Forget(uid types.UID) {
	s.held.forget(uid)
	s.swept.Delete(uid)
}

func (s *Stores) cleanerFor(k Input, target gateway.Target) cleaner {
	return cleaner{issuers: s.Issuers, namespace: k.Certificate.Namespace, gateways: slices.Concat(k.FormerGateways, k.Gateways), target: target}
}
