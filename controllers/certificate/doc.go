// SPDX-License-Identifier: Apache-2.0

// Package certificate keeps ApisixCertificates true: a valid certificate in the Secret, at the gateways, and served.
//
// One run is a loop: observe, plan, take the first step, until nothing is left to do or something has to be waited for; then
// the status is written, once.
//
//   - reconcile.go: the run; reconciler.go: what it needs.
//   - observe.go: the only reader. What is observed is a plan.Snapshot.
//   - act.go: the only writer, step by step; end.go: the steps after a deletion.
//   - tell.go, metrics.go: status, events, log and metrics.
//   - concerned.go, drift.go, urgency.go: what others ask about a certificate.
//
// Package plan decides what is done, and package status what is said of it; both are pure. What the rooms of internal/ know of
// keys, issuers, names, Secrets and gateways is theirs; here it is put together.
package certificate
