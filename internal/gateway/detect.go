// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

// probeAgain is how long it is believed that a gateway whose mode is set does not have ssl objects.
const probeInterval = 5 * time.Minute

// doubtAgain is how often the mode of a gateway is found out anew that is not what it seems.
const modeRecheckInterval = 10 * time.Second

// detection is what was found out of a gateway's mode. The zero value is ready.
type detection struct {
	mu            sync.Mutex
	found, logged Mode
	foundAt       time.Time
	forget        atomic.Bool
	// api and probed: whether the gateway has ssl objects, and when that was last tried.
	api    bool
	probed time.Time
}

// FindMode gives the gateway's mode. With Auto it is found out and kept: secret where there is no API of ssl objects, adopt
// where an ingress controller has left objects or is present in the cluster, else own. It is found out again after
// ForgetMode, when an ingress controller's objects turn up at a gateway in mode own, and when the gateway turns out to be another:
// there is no API of ssl objects any more, or one in mode secret does not serve what was carried to it.
//
// The error is a *SetupError where the gateway's settings are at fault, else one of the Admin API or of Controlled.
func (g *Gateway) FindMode(ctx context.Context) (Mode, error) {
	if err := g.problem(); err != nil {
		return "", err
	}
	if g.Mode != ModeAuto && g.Mode != "" {
		return g.Mode, nil
	}
	d, controlled := &g.parts.detection, g.parts.inventory.Controlled()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.forget.Swap(false) || d.found == ModeOwn && controlled {
		d.found = ""
	}
	if d.found != "" {
		return d.found, nil
	}
	found, err := g.detect(ctx)
	if err != nil {
		return "", err
	}
	d.found, d.foundAt = found, g.Clock.Now()
	if found != d.logged {
		d.logged = found
		g.Log.Info("push mode found", "gateway", g.Name, "mode", found)
	}
	return found, nil
}

// ForgetMode lets the mode be found out again.
func (g *Gateway) ForgetMode() { g.parts.detection.forget.Store(true) }

// doubtMode lets the mode be found out again, where that was not done within a time.
func (g *Gateway) recheckMode(after time.Duration) {
	d := &g.parts.detection
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.Clock.Since(d.foundAt) >= after {
		d.found = ""
	}
}

func (g *Gateway) detect(ctx context.Context) (Mode, error) {
	kind, err := g.Admin.Probe(ctx)
	if err != nil {
		return "", err
	}
	if kind == apisix.ModeStandalone {
		return ModeSecret, nil
	}
	if g.Controlled != nil {
		if controlled, err := g.Controlled(ctx); err != nil || controlled {
			return ModeAdopt, err
		}
	}
	if err := g.remote(ModeOwn).EnsureFresh(ctx, g.maxAge()); err != nil {
		return "", err
	}
	if g.parts.inventory.Controlled() {
		return ModeAdopt, nil
	}
	return ModeOwn, nil
}

// hasObjects reports whether a gateway in this mode has ssl objects. With secret only one whose mode is set may, and nothing
// depends on its Admin API there: where that does not answer there are none.
func (g *Gateway) hasObjects(ctx context.Context, found Mode) bool {
	if found != ModeSecret || g.Mode != ModeSecret {
		return found != ModeSecret
	}
	d, now := &g.parts.detection, g.Clock.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.api && (d.probed.IsZero() || now.Sub(d.probed) >= probeInterval) {
		kind, err := g.Admin.Probe(ctx)
		d.api, d.probed = err == nil && kind == apisix.ModeEtcd, now
	}
	return d.api
}
