// SPDX-License-Identifier: Apache-2.0

// Package registry knows which gateways there are, from flags, Services and GatewayProxy objects, and which of them serve an
// ingress class.
//
//	gateways := r.For("apisix")          // those of an ingress class; empty: none, the Secret is all there is to do
//	g := r.Named("apisix/config")        // by the name that status has
//	r.Changed("apisix/config")           // the next look reads its settings again
//
// A gateway whose settings are at fault is among them, and each of its calls returns a *gateway.SetupError. What is done at
// a gateway is for package registry.
package registry
