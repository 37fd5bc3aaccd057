// SPDX-License-Identifier: Apache-2.0

package metrics

import "time"

var (
	issued = counter("issued_total",
		"Certificates that were issued and written, by the reason for their issuance.", "reason")
	issuanceDuration = histogram("issuance_duration_seconds",
		"Time from the decision to issue a certificate until it was written to its Secret.", issuanceBuckets)
	renewalToServed = histogram("renewal_to_served_seconds",
		"Time from the write of a new certificate's Secret until handshakes with all its gateways showed it.", servedBuckets)
	failures = counter("failures_total",
		"Failed steps of certificates, by step (issue, push, cleanup) and kind of failure.", "step", "kind")
	vaultRequests = counter("vault_requests_total",
		"Requests to Vault by operation (login, renew, sign, issue, role and so on) and outcome.", "operation", "outcome")
	drift = counter("drift_total",
		"Differences that background comparisons and verifications found at gateways, by kind.", "what")
	delayedDeletions = counter("held_deletions_total",
		"Deletions of ApisixCertificates without a source that were delayed, as more than 20 were due within a minute.")
	limitWaits = counter("limit_waits_total",
		"Steps that had to wait for a concurrency or rate limit, by limit.", "limit")
)

// issuanceBuckets: Vault signs in 5 to 50 ms, an issuer behind cert-manager takes seconds to minutes.
var issuanceBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300}

// servedBuckets: 5 to 100 ms for a push by this controller, seconds if an ingress controller must sync.
var servedBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300}

// Drift is a kind of difference found at a gateway.
type Drift string

// Kinds of drift.
const (
	Missing   Drift = "missing"    // an ssl object does not exist
	Differs   Drift = "differs"    // an ssl object has other content
	NotServed Drift = "not_served" // a handshake showed another certificate, or none
)

// Limit is a limit on concurrent or frequent steps.
type Limit string

// The limits.
const (
	Signatures Limit = "signatures" // spec.limits of an issuer: signing requests, concurrent and per second
	Writes     Limit = "writes"     // writes to one gateway
	Handshakes Limit = "handshakes" // handshakes with one gateway
)

// Step is a part of the work on a certificate.
type Step string

// The steps that are counted when they fail.
const (
	Issue Step = "issue" // get a certificate and write its Secret
	Push  Step = "push"  // write it to a gateway
	// Cleanup removes a deleted certificate from gateways and Vault. It is counted when it is abandoned.
	Cleanup Step = "cleanup"
)

// Metrics used in alerts must exist before the first event, or their first increase is not seen.
func init() {
	for _, step := range []Step{Issue, Push} {
		for _, kind := range []Outcome{Transient, Setup, User} {
			failures.WithLabelValues(string(step), string(kind))
		}
	}
	for _, what := range []Drift{Missing, Differs, NotServed} {
		drift.WithLabelValues(string(what))
	}
	delayedDeletions.WithLabelValues()
	for _, limit := range []Limit{Signatures, Writes, Handshakes} {
		limitWaits.WithLabelValues(string(limit))
	}
}

// Issued counts a certificate that was issued and written, with its duration and reason.
func Issued(reason string, took time.Duration) {
	issued.WithLabelValues(reason).Inc()
	issuanceDuration.WithLabelValues().Observe(took.Seconds())
}

// Served records how long after its Secret a new certificate was verified.
func Served(after time.Duration) { renewalToServed.WithLabelValues().Observe(after.Seconds()) }

// Failed counts a step that failed.
func Failed(step Step, kind Outcome) { failures.WithLabelValues(string(step), string(kind)).Inc() }

// VaultRequest counts a request to Vault.
func VaultRequest(operation string, outcome Outcome) {
	vaultRequests.WithLabelValues(operation, string(outcome)).Inc()
}

// Drifted counts what was found at a gateway.
func Drifted(what Drift) { drift.WithLabelValues(string(what)).Inc() }

// DelayedDeletion counts a delayed deletion.
func DelayedDeletion() { delayedDeletions.WithLabelValues().Inc() }

// Waited counts a step that had to wait.
func Waited(limit Limit) { limitWaits.WithLabelValues(string(limit)).Inc() }
