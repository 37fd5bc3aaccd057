// SPDX-License-Identifier: Apache-2.0

// Package gateway pushes certificates to APISIX gateways and verifies that they are served.
//
// A [Gateway] is one APISIX: its Admin API, the inventory of its ssl objects, and the addresses of its TLS port. Its [Mode]
// decides what is done, and each mode is a type. In mode own, this controller has ssl objects of its own (own.go). In mode
// adopt, new certificates are patched into the objects of an APISIX ingress controller (adopt.go). In mode secret, the
// ingress controller syncs the Secret, and the gateway is only verified (secret.go).
//
//	state, err := g.Observe(ctx, target)             // from the inventory, seldom a request
//	action := g.Plan(state, target)                  // pure
//	state, action, err = g.Push(ctx, state, target)  // the plan, and at most one step of it
//	proof := g.Prove(ctx, target.Hosts, target.Fingerprint)
//
// An ssl object is written or deleted only if it is this controller's own according to its labels, or if an ingress
// controller derives it from references of this certificate. That an object has the certificate or one of its hosts is not
// sufficient.
//
// The package does not decide which certificate a host has, and does not use the Kubernetes API. Package registry knows
// which gateways exist.
package gateway
