// SPDX-License-Identifier: Apache-2.0

// Package keystorage keeps the private keys of certificates: in the Secret, at the gateways alone, or in a key-value engine of
// Vault, as spec.keyStorage says.
//
//	state, err := stores.Observe(ctx, input, target, usable, unserved)
//	state.Fill(&target)                                    // the key, or what an ssl object has in its place
//	err = stores.Save(ctx, input, fingerprint, cert, key)   // of a new certificate, before its Secret is written
//	locations, again := stores.Settle(ctx, input, state, target)
//
// A key that leaves the Secret cannot be read back: where it is lost, or has to go elsewhere, a new certificate is issued. Until
// that is seen at every gateway, what there was before is left.
//
// The package does not decide whether to issue, and writes no Secret and no ssl object.
package keystorage
