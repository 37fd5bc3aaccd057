// SPDX-License-Identifier: Apache-2.0

// Package certificate keeps ApisixCertificates true: a valid certificate in the Secret, at the gateways, and served.
//
// One run is a loop: observe, plan, take the first step, until nothing is left to do or something has to be waited for; then
// the status is written, once. The files are named after that:
//
//   - reconcile.go: the run itself; setup.go: what triggers it, and urgency.go how urgent it is.
//   - snapshot.go, observe.go: what a run goes by, and the only reader of it.
//   - plan.go, plan_provided.go, plan_end.go: pure; everything that will be done, and why.
//   - act.go, content.go: the only writers.
//   - status.go, conditions.go, record.go, wake.go: pure; what is said of it and when it is looked at again.
//   - tell.go, metrics.go: events, log and metrics.
//
// What the rooms of internal/ know of keys, issuers, names, Secrets and gateways is theirs; here it is put together.
package certificate
