// SPDX-License-Identifier: Apache-2.0

// Package vault gets certificates from the PKI engine of HashiCorp Vault.
//
//	session, err := vault.Open(vault.Config{
//		Server: "https://vault.example:8200",
//		Path:   "pki/sign/web",
//		Auth:   vault.AppRoleAuth{RoleID: id, SecretID: vault.NewSecret(secretID)},
//		Now:    time.Now,
//	})
//	if err != nil {
//		return err
//	}
//	defer session.Close()
//	answer, err := session.Issue(ctx, vault.Request{CSRPEM: csr, Spec: spec})
//
// A Session is one client, one pool of connections and one login, for any number of goroutines. It logs in when a call
// first needs it, renews its token when two thirds of its life are over, and logs in again when Vault no longer knows
// the token. It does not retry: an *Error says by its Kind whether trying again helps, and the caller's queue waits. It
// does not check answers: see certs.CheckAnswer. It starts no goroutine that outlives a call.
package vault
