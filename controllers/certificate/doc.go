// SPDX-License-Identifier: Apache-2.0

// Package certificate reconciles ApisixCertificates: a valid certificate in the Secret, pushed to the gateways, and served.
//
// A run is a loop: observe, plan, run the first step, until nothing is left to do or it has to wait. The status is written
// once at the end.
//
//   - reconcile.go: the run; reconciler.go: its dependencies.
//   - observe.go: the only reader. It returns a plan.Snapshot.
//   - act.go: the only writer, step by step; finalize.go: the steps after a deletion.
//   - report.go, metrics.go: status, events, log and metrics.
//   - affected.go, drift.go, urgency.go: queries of other controllers about a certificate.
//
// Package plan decides what is done, and package status derives the status from it; both are pure. The packages of internal/
// own keys, issuers, names, Secrets and gateways; this package combines them.
package certificate
