// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"

	"apisix-certs.io/apisix-certs/apisix"
)

// FindMode tells the gateway's mode. With Auto it is found out and kept: secret where there is no API of ssl objects,
// adopt where an ingress controller has left objects or is present in the cluster, else own. It is found out anew after
// ForgetMode, and when an ingress controller's objects turn up at a gateway in mode own.
//
// The error is a *SetupError where the gateway's settings are at fault, else one of the Admin API or of Controlled.
func (g *Gateway) FindMode(ctx context.Context) (Mode, error) {
	if err := g.problem(); err != nil {
		return "", err
	}
	if g.Mode != Auto && g.Mode != "" {
		return g.Mode, nil
	}
	g.mode.Lock()
	defer g.mode.Unlock()
	controlled, _ := g.inventory.controllers()
	if g.mode.forget.Swap(false) || g.mode.found == Own && controlled {
		g.mode.found = ""
	}
	if g.mode.found != "" {
		return g.mode.found, nil
	}
	found, err := g.detect(ctx)
	if err != nil {
		return "", err
	}
	g.mode.found = found
	if found != g.mode.told {
		g.mode.told = found
		g.Log.Info("push mode found", "gateway", g.Name, "mode", found)
	}
	return found, nil
}

// ForgetMode lets the mode be found out anew.
func (g *Gateway) ForgetMode() { g.mode.forget.Store(true) }

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
	if controlled, _ := g.inventory.controllers(); controlled {
		return Adopt, nil
	}
	return Own, nil
}

// mayOwn returns a *ModeError where an ingress controller would delete what mode own puts there.
func (g *Gateway) mayOwn(ctx context.Context) error {
	_, exclusive := g.inventory.controllers()
	if !exclusive && g.Exclusive != nil {
		var err error
		if exclusive, err = g.Exclusive(ctx); err != nil {
			return err
		}
	}
	if !exclusive {
		return nil
	}
	return &ModeError{Mode: Own, Problem: "an APISIX ingress controller 2.x keeps this gateway, and deletes every ssl object that it does not know: " +
		"set --push-mode to auto or adopt"}
}

// ofController tells whether an APISIX ingress controller keeps the object.
func ofController(o Object) bool { return lineOf(o) != "" }
