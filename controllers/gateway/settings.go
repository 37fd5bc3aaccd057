// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"slices"
	"sync"
)

// changeable is what may change during the life of a Gateway.
type changeable struct {
	sync.RWMutex
	problem error
	tls     tlsPods
}

// tlsPods are where the TLS port is asked.
type tlsPods struct {
	addrs []string // host:port
	// problem says why there is none though there should be.
	problem string
}

// problem is what keeps the gateway from being used, nil if nothing does.
func (g *Gateway) problem() error {
	g.changeable.RLock()
	defer g.changeable.RUnlock()
	if g.changeable.problem == nil && g.Admin == nil {
		return errors.New("gateway without an Admin API")
	}
	return g.changeable.problem
}

func (g *Gateway) setProblem(err error) {
	g.changeable.Lock()
	defer g.changeable.Unlock()
	g.changeable.problem = err
}

// tlsPort is where the TLS port is asked now: what follows a Service, else TLSAddrs.
func (g *Gateway) tlsPort() tlsPods {
	g.changeable.RLock()
	defer g.changeable.RUnlock()
	if len(g.changeable.tls.addrs) == 0 && g.changeable.tls.problem == "" {
		return tlsPods{addrs: slices.Clone(g.TLSAddrs)}
	}
	return g.changeable.tls
}

func (g *Gateway) setTLS(pods tlsPods) {
	g.changeable.Lock()
	defer g.changeable.Unlock()
	g.changeable.tls = pods
}
