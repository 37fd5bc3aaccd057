// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"crypto/tls"
	"errors"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// unusable returns a gateway all of whose calls fail with err.
func (r *Registry) unusable(name string, err error) *gateway.Gateway {
	g := r.newGateway(name)
	g.Configure(gateway.TLSPort{}, err)
	return g
}

func (r *Registry) newGateway(name string) *gateway.Gateway {
	return &gateway.Gateway{
		Name: name, Mode: r.Mode, Cluster: r.Cluster, Clock: r.Clock, Log: r.Log,
		Controlled: func(ctx context.Context) (bool, error) {
			controlled, _, err := r.controllers(ctx, name)
			return controlled, err
		},
		Exclusive: func(ctx context.Context) (bool, error) {
			_, exclusive, err := r.controllers(ctx, name)
			return exclusive, err
		},
	}
}

// update applies the current settings to an entry's gateway.
func (r *Registry) update(ctx context.Context, e *entry, chosen choice) {
	l := r.newLookup(ctx, chosen.name)
	found, err := l.settings(chosen)
	r.Follower.Prune(chosen.name, l.needed)
	if found.key != nil {
		e.key.Store(&found.key)
	}
	e.addresses.Store(&found.addresses)
	g := e.gateway
	if err == nil && (g == nil || g.Admin == nil || e.identity != found.identity) {
		g, err = r.connect(e, chosen, found)
	}
	if g == nil {
		g = r.newGateway(chosen.name)
	}
	if err == nil {
		err = g.Admin.SetEndpoints(found.endpoints)
	}
	var setup *gateway.SetupError
	if l.unsettled || err != nil && !errors.As(err, &setup) {
		e.fresh.Store(false) // no event will announce the recovery
	}
	if err != nil {
		metrics.SetGatewayUp(chosen.name, false)
	}
	g.Configure(found.tls, err)
	e.gateway = g
	e.ready.Store(g)
}

// newLookup returns a lookup of the settings of the gateway called name.
func (r *Registry) newLookup(ctx context.Context, name string) *lookup {
	return &lookup{
		ctx: ctx, reader: r.Reader, proxies: r.known.proxies.Load(), flags: r.Flags, secure: r.TLS != nil, follower: r.Follower, owner: name,
	}
}

// connect creates a Gateway to replace the entry's current one.
func (r *Registry) connect(e *entry, chosen choice, found settings) (*gateway.Gateway, error) {
	config, name := r.TLS.Clone(), chosen.name
	if found.insecure || found.serverName != "" {
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		config.InsecureSkipVerify, config.ServerName = found.insecure, found.serverName
	}
	admin, err := apisix.New(apisix.Options{
		Endpoints: found.endpoints, TLS: config, UserAgent: r.UserAgent,
		Observe:  func(call apisix.Call) { measureRequest(name, call) },
		AdminKey: func(ctx context.Context) (string, error) { return (*e.key.Load())(ctx) },
	})
	if err != nil {
		return e.gateway, err
	}
	if e.gateway != nil && e.gateway.Admin != nil {
		e.gateway.Admin.Close()
	}
	r.warnInsecure(chosen, found.insecure)
	r.Log.Info("gateway found", "gateway", name, "endpoints", found.endpoints, "pushMode", r.Mode)
	g := r.newGateway(name)
	g.Admin, e.identity = admin, found.identity
	return g, nil
}

// insecureProblem is that of a GatewayProxy whose Admin API is not authenticated.
const insecureProblem = "spec.provider.controlPlane.tlsVerify is false, so a server that takes over the Admin API's address receives the admin key and every private key; " +
	"remove it, and set the CA of the Admin API with --apisix-admin-ca-file"

// warnInsecure warns of an Admin API whose certificate is not verified.
func (r *Registry) warnInsecure(chosen choice, insecure bool) {
	metrics.SetGatewayInsecure(chosen.name, insecure)
	if !insecure || chosen.proxy == nil {
		return
	}
	r.Log.Info("the certificate of a gateway's Admin API is not verified: "+insecureProblem, "gateway", chosen.name)
	if r.Warn != nil {
		r.Warn(Warning{Proxy: *chosen.proxy, Problem: insecureProblem})
	}
}
