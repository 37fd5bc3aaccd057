// SPDX-License-Identifier: Apache-2.0

// Package registry knows the gateways of flags, Services and GatewayProxy objects, and which of them serve an ingress
// class.
//
//	gateways := r.For("apisix")          // those of an ingress class; if empty, only the Secret is managed
//	g := r.Named("apisix/config")        // by the name in status
//	r.Invalidate("apisix/config")        // the next For reads its settings again
//
// A gateway with faulty settings is among them, and each of its calls returns a *gateway.SetupError. What is done at a
// gateway is up to package gateway.
package registry
