// SPDX-License-Identifier: Apache-2.0

package metrics

import "time"

var (
	issued = counter("issued_total",
		"Certificates that were issued and written, by the reason for which they were due.", "reason")
	issuanceDuration = histogram("issuance_duration_seconds",
		"How long it took from the decision to issue a certificate until it was written to its Secret.", issuanceBuckets)
	renewalToServed = histogram("renewal_to_served_seconds",
		"How long it took from a new certificate's Secret until handshakes with all its gateways showed it.", servedBuckets)
	failures = counter("failures_total",
		"Failed steps of certificates, by step (issue, push, cleanup) and kind of failure.", "step", "kind")
	vaultRequests = counter("vault_requests_total",
		"Requests to Vault by operation (login, renew, sign, issue, role and so on) and outcome.", "operation", "outcome")
	drift = counter("drift_total",
		"What comparisons and proofs in the background found at gateways other than it should be, by what it was.", "what")
	heldDeletions = counter("held_deletions_total",
		"Deletions of ApisixCertificates that sources do not name any more and that were held, as more than 20 were due within a minute.")
	limitWaits = counter("limit_waits_total",
		"Steps that had to wait because as many were under way as a limit allows, by limit.", "limit")
)

// issuanceBuckets: Vault signs in 5 to 50 ms, an issuer behind cert-manager takes seconds to minutes.
var issuanceBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300}

// servedBuckets: 5 to 100 ms by a push of ours, seconds where an ingress controller must act.
var servedBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300}

// Drift is what was found at a gateway.
type Drift string

// What drift is.
const (
	Missing   Drift = "missing"    // an ssl object is not there
	Differs   Drift = "differs"    // an ssl object holds something else
	NotServed Drift = "not_served" // a handshake showed another certificate, or none
)

// Limit is a bound on what is done at the same time.
type Limit string

// The limits.
const (
	Signatures Limit = "signatures" // spec.limits of an issuer: requests to sign, in flight and per second
	Writes     Limit = "writes"     // writes to one gateway
	Handshakes Limit = "handshakes" // handshakes with one gateway
)

// Step is a part of the work on a certificate.
type Step string

// The steps that are counted when they fail.
const (
	Issue Step = "issue" // get a certificate and write its Secret
	Push  Step = "push"  // bring it to a gateway
	// Cleanup is what a deleted certificate leaves at gateways and in Vault; it is counted when it is given up.
	Cleanup Step = "cleanup"
)

// What may be alerted on must be there before it first happens, or its first increase is not seen.
func init() {
	for _, step := range []Step{Issue, Push} {
		for _, kind := range []Outcome{Transient, Setup, User} {
			failures.WithLabelValues(string(step), string(kind))
		}
	}
	for _, what := range []Drift{Missing, Differs, NotServed} {
		drift.WithLabelValues(string(what))
	}
	heldDeletions.WithLabelValues()
	for _, limit := range []Limit{Signatures, Writes, Handshakes} {
		limitWaits.WithLabelValues(string(limit))
	}
}

// Issued counts a certificate that was issued and written, the time that took, and why it was due.
func Issued(reason string, took time.Duration) {
	issued.WithLabelValues(reason).Inc()
	issuanceDuration.WithLabelValues().Observe(took.Seconds())
}

// Served tells how long after its Secret a new certificate was proven.
func Served(after time.Duration) { renewalToServed.WithLabelValues().Observe(after.Seconds()) }

// Failed counts a step that failed.
func Failed(step Step, kind Outcome) { failures.WithLabelValues(string(step), string(kind)).Inc() }

// VaultRequest counts a request to Vault.
func VaultRequest(operation string, outcome Outcome) {
	vaultRequests.WithLabelValues(operation, string(outcome)).Inc()
}

// Drifted counts what was found at a gateway.
func Drifted(what Drift) { drift.WithLabelValues(string(what)).Inc() }

// HeldDeletion counts a deletion that was held.
func HeldDeletion() { heldDeletions.WithLabelValues().Inc() }

// Waited counts a step that had to wait.
func Waited(limit Limit) { limitWaits.WithLabelValues(string(limit)).Inc() }
