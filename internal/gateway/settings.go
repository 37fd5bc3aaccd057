// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"slices"
	"sync"
)

// settings are what may change during the life of a Gateway.
type settings struct {
	mu      sync.RWMutex
	problem error
	tls     TLSPort
}

// TLSPort is where the TLS port is.
type TLSPort struct {
	Addrs []string // host:port
	// Problem says why there is none though there should be.
	Problem string
}

// Configure sets where the TLS port is now, which goes before TLSAddrs, and what keeps the gateway from being used, nil if
// nothing does: each of its calls returns that problem then.
func (g *Gateway) Configure(port TLSPort, problem error) {
	g.settings.mu.Lock()
	defer g.settings.mu.Unlock()
	g.settings.tls, g.settings.problem = port, problem
}

func (g *Gateway) problem() error {
	g.settings.mu.RLock()
	defer g.settings.mu.RUnlock()
	if g.settings.problem == nil && g.Admin == nil {
		return errors.New("gateway without an Admin API")
	}
	return g.settings.problem
}

// TLSPort is where handshakes go now.
func (g *Gateway) TLSPort() TLSPort {
	g.settings.mu.RLock()
	defer g.settings.mu.RUnlock()
	if len(g.settings.tls.Addrs) == 0 && g.settings.tls.Problem == "" {
		return TLSPort{Addrs: slices.Clone(g.TLSAddrs)}
	}
	return g.settings.tls
}
