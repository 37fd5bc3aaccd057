// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"slices"

	"apisix-certs.io/apisix-certs/internal/gateway"
)

// left are the gateways that status names and that are not those of the certificate's ingress class now.
func (r *Reconciler) left(o *observed) []*gateway.Gateway {
	var left []*gateway.Gateway
	for _, was := range o.cert.Status.Gateways {
		if slices.ContainsFunc(o.gateways, func(g *gateway.Gateway) bool { return g.Name == was.Name }) {
			continue
		}
		if g := r.GatewayNamed(was.Name); g != nil {
			left = append(left, g)
		}
	}
	return left
}

// leave takes own ssl objects from the gateways that the certificate has left, once its new ones have it. What is
// returned keeps a gateway in status until then.
func leave(ctx context.Context, left []*gateway.Gateway, t gateway.Target, now []pushed) []pushed {
	if slices.ContainsFunc(now, func(p pushed) bool { return p.err != nil || p.verb == gateway.Wait || p.proof.Asked && !p.proof.Served }) {
		var all []pushed
		for _, g := range left {
			all = append(all, pushed{name: g.Name, verb: gateway.Keep})
		}
		return all
	}
	return withdrawAll(ctx, left, t)
}
