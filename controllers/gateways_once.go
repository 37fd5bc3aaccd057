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

// GatewaysOnce knows the gateways as the controller with these options does, for a command that looks at them once: what
// they are made of is read from the API server as it is needed, and not followed. The options that tell of gateways must
// be valid: the error tells all of their problems.
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
		return nil, fmt.Errorf("TLS of the Admin API: %w", err)
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

// direct reads what would be followed.
type direct struct{ client.Reader }

func (d direct) Follow(context.Context, string, registry.Followed) (client.Reader, error) {
	return d.Reader, nil
}

func (direct) Prune(string, []registry.Followed) {}
