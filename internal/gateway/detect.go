// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

// probeInterval is how long a failed probe for ssl objects is valid at a gateway whose mode is set.
const probeInterval = 5 * time.Minute

// modeRecheckInterval is the minimum time between two detections of a mode that seems to be wrong.
const modeRecheckInterval = 10 * time.Second

// detection is the detected mode of a gateway. The zero value is ready to use.
type detection struct {
	mu            sync.Mutex
	found, logged Mode
	foundAt       time.Time
	forget        atomic.Bool
	// api reports whether the gateway has ssl objects, and probed is when that was last checked.
	api    bool
	probed time.Time
}

// FindMode returns the gateway's mode. ModeAuto is detected and cached: secret if there is no API of ssl objects, adopt if
// an ingress controller has written objects or is present in the cluster, otherwise own. It is detected again after
// ForgetMode, when objects of an ingress controller appear at a gateway in mode own, and when the gateway seems to be
// another one: the API of ssl objects is gone, or a gateway in mode secret does not serve a synced certificate.
//
// The error is a *SetupError where the gateway's settings are wrong, otherwise one of the Admin API or of Controlled.
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

// ForgetMode makes the next FindMode detect the mode again.
func (g *Gateway) ForgetMode() { g.parts.detection.forget.Store(true) }

// recheckMode makes the next FindMode detect the mode again, unless it was detected within the given time.
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

// hasObjects reports whether a gateway in this mode has ssl objects. In mode secret, only a gateway whose mode is set may
// have any. The Admin API is optional there: if it does not respond, there are none.
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
