// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"

	"apisix-certs.io/apisix-certs/apisix"
)

// FindMode tells the gateway's mode. With Auto it is found out once and kept: secret where there is no API of ssl
// objects, adopt where an ingress controller has left objects or is present in the cluster, else own.
func (g *Gateway) FindMode(ctx context.Context) (Mode, error) {
	if g.Mode != Auto && g.Mode != "" {
		return g.Mode, nil
	}
	g.mode.Lock()
	defer g.mode.Unlock()
	if g.mode.found != "" {
		return g.mode.found, nil
	}
	found, err := g.detect(ctx)
	if err == nil {
		g.mode.found = found
	}
	return found, err
}

func (g *Gateway) detect(ctx context.Context) (Mode, error) {
	kind, err := g.Admin.Probe(ctx)
	if err != nil {
		return "", err
	}
	if kind == apisix.ModeStandalone {
		return Secret, nil
	}
	if g.Controlled != nil {
		if controlled, err := g.Controlled(ctx); err != nil || controlled {
			return Adopt, err
		}
	}
	if err := g.fresh(ctx); err != nil {
		return "", err
	}
	if g.inventory.any(ofController) {
		return Adopt, nil
	}
	return Own, nil
}

// ofController tells whether an APISIX ingress controller keeps the object: 2.x spells its label manager-by.
func ofController(o Object) bool {
	const name = "apisix-ingress-controller"
	return o.Labels["managed-by"] == name || o.Labels["manager-by"] == name
}
