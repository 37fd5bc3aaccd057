// SPDX-License-Identifier: Apache-2.0

// Package certificate keeps ApisixCertificates true: a valid certificate in the Secret, at the gateways, and served.
//
// One run is fetch, observe, plan, apply, report; the files are named after the steps:
//
//   - reconcile.go: the run itself; setup.go: what triggers it.
//   - observe.go: the only reader of the cluster and the gateways.
//   - plan.go: pure; says whether to issue, what holds it back, and when to look again.
//   - apply.go, issue.go, secret.go: the only writers.
//   - report.go, conditions.go: conditions, events and the next run.
//   - end.go: what happens when the object is deleted.
package certificate
