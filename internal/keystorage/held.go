// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/certs/vault"
)

// heldKeys are the private keys that are at no gateway yet, by the UID of the ApisixCertificate. They are only in memory.
type heldKeys struct {
	mu    sync.Mutex
	byUID map[types.UID]heldKey
}

// heldKey is the key of the certificate with this fingerprint.
type heldKey struct {
	fingerprint string
	pem         vault.Secret
}

func (h *heldKeys) put(uid types.UID, fingerprint string, pem []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byUID == nil {
		h.byUID = map[types.UID]heldKey{}
	}
	h.byUID[uid] = heldKey{fingerprint, vault.NewSecret(string(pem))}
}

// get returns the key for a certificate, or the zero value.
func (h *heldKeys) get(uid types.UID) heldKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byUID[uid]
}

// drop forgets the key of the certificate with this fingerprint, but not that of a later one whose Secret is not written
// yet.
func (h *heldKeys) drop(uid types.UID, fingerprint string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byUID[uid].fingerprint == fingerprint {
		delete(h.byUID, uid)
	}
}

func (h *heldKeys) forget(uid types.UID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byUID, uid)
}
