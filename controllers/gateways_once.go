// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/crdwatch"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// GatewaysOnce returns the registry of gateways for a command that reads them once. It reads the objects that configure a gateway
// from the API server when they are needed, and does not watch them. The error contains all problems of the options that describe
// gateways.
func (o *Options) GatewaysOnce(ctx context.Context, c client.Client) (*registry.Registry, error) {
	if err := errors.Join(o.validateGateway()...); err != nil {
		return nil, err
	}
	flags, err := o.gatewayOfFlags()
	if err != nil {
		return nil, err
	}
	config, err := o.adminTLS().Config()
	if err != nil {
		return nil, fmt.Errorf("configure TLS for the Admin API: %w", err)
	}
	cluster, err := clusterName(ctx, c, o.ClusterName)
	if err != nil {
		return nil, err
	}
	r := &registry.Registry{
		Reader: c, Follower: direct{c}, Flags: flags, Mode: gateway.Mode(o.PushMode), Cluster: cluster, Clock: clock.RealClock{},
		TLS: config, UserAgent: o.userAgent(),
	}
	kind := registry.GatewayProxyKind
	_, installed, err := crdwatch.Find(c.RESTMapper(), kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if installed {
		r.EnableGatewayProxies()
	}
	if _, installed, err = crdwatch.Find(c.RESTMapper(), gatewayapi.GatewayKind.GroupKind(), gatewayapi.GatewayKind.Version); err != nil {
		return nil, err
	}
	if installed {
		r.EnableGatewayAPI()
	}
	return r, nil
}

// direct reads the objects that the controller would watch.
type direct struct{ client.Reader }

func (d direct) Follow(context.Context, string, registry.Followed) (client.Reader, error) {
	return d.Reader, nil
}

func (direct) Prune(string, []registry.Followed) {}
