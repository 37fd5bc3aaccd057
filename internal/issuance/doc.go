// SPDX-License-Identifier: Apache-2.0

// Package issuance issues certificates, from Vault or through the CertificateRequests of cert-manager.
//
//	state, err := issuers.Observe(ctx, request, false)
//	verdict := state.Plan(request, decision, now) // pure; the zero Verdict: issue
//	response, pending, err := issuers.Issue(ctx, request, state, decision, try)
//	... // store the response in its Secret
//	err = issuers.Stored(ctx, request)
//
// A response is checked before it is returned, and kept in memory until it is stored, so that a certificate whose Secret could
// not be written is not signed again. Nothing blocks: a busy issuer gives a *vault.BusyError, and an unfinished
// CertificateRequest gives what it is waiting for.
//
// Package certs decides whether a certificate is due, and the caller writes its Secret.
package issuance
