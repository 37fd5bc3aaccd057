// SPDX-License-Identifier: Apache-2.0

// Package vault issues and revokes certificates with the PKI secrets engine of HashiCorp Vault or OpenBao.
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
//	response, err := session.Issue(ctx, vault.Request{ID: uid, Spec: spec, CSR: makeCSR})
//	var busy *vault.BusyError
//	if errors.As(err, &busy) {
//		// Nothing was sent. Call Issue again with the same ID at busy.NotBefore.
//	}
//
// A [Session] is one client with one connection pool and one login. It is safe for concurrent use. It logs in before the
// first call that needs a token, and renews the token when two thirds of its TTL have passed. It logs in again when Vault
// no longer knows the token, or denies it a call and the login is at least a minute old.
//
// [Session.Issue] requests a certificate, [Session.Revoke] revokes one, [Session.CRL] reads the revocation list, and
// [Session.Check] reports whether the issuer works. [Status.Rejections] reports in advance what the role would reject.
// [Session.WriteKV] and related methods use a KV version 1 secrets engine.
//
// A Session neither waits nor retries. If limits are reached, or Vault does not respond, calls return a [BusyError]
// immediately. All other errors from Vault are an [Error], whose [Kind] says who can fix it and whether a retry helps.
// Callers need a queue that retries. The package does not check responses: see certs.CheckResponse. It starts no goroutine
// that outlives a call, except for a login that several calls wait for.
//
// Package vaulttest has a scripted Vault for tests.
package vault
