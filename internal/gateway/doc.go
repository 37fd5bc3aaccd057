// SPDX-License-Identifier: Apache-2.0

// Package gateway brings certificates to APISIX gateways and proves that they are served.
//
// A [Gateway] is one APISIX: its Admin API, the inventory of its ssl objects, and the addresses of its TLS port. What is
// done there depends on its [Mode], of which each is a type of its own: with own, this controller keeps ssl objects of its
// own (own.go); with adopt, an APISIX ingress controller keeps them and new certificates are patched into its objects
// (adopt.go); with secret, the ingress controller carries the Secret, and there is nothing to do here but to prove
// (secret.go).
//
//	state, err := g.Observe(ctx, target)             // from the inventory, seldom a request
//	action := g.Plan(state, target)                  // pure
//	state, action, err = g.Push(ctx, state, target)  // the plan, and at most one step of it
//	proof := g.Prove(ctx, target.Hosts, target.Fingerprint)
//
// An ssl object is written or deleted only by right: it is our own by its labels, or an ingress controller derives it
// from this certificate's own references. That an object holds the certificate, or has its host, gives no right.
//
// The package does not decide what certificate a host should have, and knows nothing of the Kubernetes API. Which gateways
// there are is known to package registry.
package gateway
