// SPDX-License-Identifier: Apache-2.0

// Package vault gets certificates from the PKI engine of HashiCorp Vault, or of OpenBao.
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
//	answer, err := session.Issue(ctx, vault.Request{ID: uid, Spec: spec, CSR: makeCSR})
//	var busy *vault.BusyError
//	if errors.As(err, &busy) {
//		// Nothing was sent: call Issue again with the same ID at busy.NotBefore.
//	}
//
// A Session is one client, one pool of connections and one login, for any number of goroutines. It logs in when a call
// first needs it, renews its token when two thirds of its life are over, and logs in again when Vault no longer knows
// the token, or refuses it a minute or more after the login.
//
// It neither waits nor retries. What limits or a Vault that does not answer hold back is a *BusyError at once; every other
// error is an *Error whose Kind says whether trying again helps. The caller's queue waits. It does not check answers: see
// certs.CheckResponse. It starts no goroutine that outlives a call, but for a login that others wait for.
//
// The parts: gate shares out turns, breaker spares a Vault that does not answer, tokens has the login, wire makes the HTTP
// exchanges. Package vaulttest is a scripted Vault for tests.
package vault
