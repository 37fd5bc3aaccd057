// SPDX-License-Identifier: Apache-2.0

// Package issuance gets certificates signed: by a Vault, or through the CertificateRequests of cert-manager.
//
//	state, err := issuers.Observe(ctx, order, false)
//	verdict := state.Plan(order, decision, now) // pure; the zero Verdict: ask
//	answer, pending, err := issuers.Issue(ctx, order, state, decision, try)
//	... // answer goes into its Secret
//	err = issuers.Stored(ctx, order)
//
// An answer is checked before it is given, and held until it is stored: what was signed and could not be written is not signed
// again. Nothing waits here: an issuer that has no turn gives a *vault.BusyError, and a CertificateRequest that has no answer yet
// what it waits for.
//
// Whether a certificate is due is for package certs to say, and writing its Secret for the caller to do.
package issuance
