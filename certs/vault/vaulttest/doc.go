// SPDX-License-Identifier: Apache-2.0

// Package vaulttest is a scripted Vault for tests.
//
//	v := vaulttest.Start(time.Now)
//	defer v.Close()
//	session, err := vault.Open(vault.Config{Server: v.URL, Path: "pki/sign/web", Auth: auth, Now: time.Now})
//	...
//	v.Forget()              // faults and changes: Seal, Hang, Deny, LoginsMay, EndTokens, SetRole, Answer
//	v.Calls("pki/sign/web") // what was called: Bodies, Header, Revoked
//
// It has one root CA at the mount "pki", whose role "web" allows any name, and takes every login at every auth mount. It
// keeps tokens, leases and a revocation list as Vault does, and refuses in Vault's words, which Dialect chooses.
//
// It checks neither names nor keys against the role: what a role refuses is tested against a real Vault.
package vaulttest
