// SPDX-License-Identifier: Apache-2.0

// Package keystorage stores the private keys of certificates as spec.keyStorage says: in the Secret, only at the gateways, or in
// a key-value engine of Vault.
//
//	state, err := stores.Observe(ctx, input, target, usable, unserved)
//	state.Fill(&target)                                    // the key, or the reference that the ssl object has instead
//	err = stores.Save(ctx, input, fingerprint, cert, key)  // for a new certificate, before its Secret is written
//	locations, again := stores.Settle(ctx, input, state, target)
//
// A key outside the Secret cannot be read back: if it is lost or has to move, a new certificate is issued. The old one stays until
// every gateway has the new one.
//
// The package does not decide whether to issue, and writes no Secret and no ssl object.
package keystorage
