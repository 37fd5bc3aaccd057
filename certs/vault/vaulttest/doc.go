// SPDX-License-Identifier: Apache-2.0

// Package vaulttest is a scripted Vault for tests.
//
//	v := vaulttest.Start(time.Now)
//	defer v.Close()
//	session, err := vault.Open(vault.Config{Server: v.URL, Path: "pki/sign/web", Auth: auth, Now: time.Now})
//	...
//	v.Forget()              // faults: Seal, Hang, Deny, AllowNewTokens, ExpireTokens, SetRole, SetHandler
//	v.Calls("pki/sign/web") // what was called: Bodies, Header, Revoked
//
// It has one root CA at the mount "pki", whose role "web" allows any name, and accepts every login at every auth mount. It
// has tokens, leases and a revocation list as Vault does, and returns Vault's error texts, which depend on the Dialect.
//
// It does not check names and keys against the role. Test that with a real Vault.
package vaulttest
