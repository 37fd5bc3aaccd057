// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"slices"
	"sync"
)

// settings are those that may change while a Gateway is used.
type settings struct {
	mu      sync.RWMutex
	problem error
	tls     TLSPort
}

// TLSPort has the addresses of the TLS port.
type TLSPort struct {
	Addrs []string // host:port
	// Problem is why there is none although there should be.
	Problem string
}

// Configure sets the addresses of the TLS port, which override TLSAddrs, and a problem of the gateway. A non-nil problem is
// returned by every call.
func (g *Gateway) Configure(port TLSPort, problem error) {
	g.settings.mu.Lock()
	defer g.settings.mu.Unlock()
	g.settings.tls, g.settings.problem = port, problem
}

func (g *Gateway) problem() error {
	g.settings.mu.RLock()
	defer g.settings.mu.RUnlock()
	if g.settings.problem == nil && g.Admin == nil {
		return errors.New("gateway has no Admin API")
	}
	return g.settings.problem
}

// TLSPort returns the addresses for handshakes.
func (g *Gateway) TLSPort() TLSPort {
	g.settings.mu.RLock()
	defer g.settings.mu.RUnlock()
	if len(g.settings.tls.Addrs) == 0 && g.settings.tls.Problem == "" {
		return TLSPort{Addrs: slices.Clone(g.TLSAddrs)}
	}
	return g.settings.tls
}
