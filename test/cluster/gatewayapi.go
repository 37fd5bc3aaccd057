// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gatewayAPI is the module whose CRDs are installed, in the version of go.mod.
const gatewayAPI = "sigs.k8s.io/gateway-api"

// InstallReferenceGrants installs the CRD of the Gateway API's ReferenceGrant. It is served a moment later.
func (c *Cluster) InstallReferenceGrants(ctx context.Context) error {
	return c.installGatewayAPI(ctx, "referencegrants")
}

// InstallGateways installs the CRDs of Gateway, GatewayClass and ListenerSet. They are served a moment later.
func (c *Cluster) InstallGateways(ctx context.Context) error {
	return c.installGatewayAPI(ctx, "gatewayclasses", "gateways", "listenersets")
}

func (c *Cluster) installGatewayAPI(ctx context.Context, kinds ...string) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", gatewayAPI).Output()
	if err != nil {
		return fmt.Errorf("find %s: %w", gatewayAPI, err)
	}
	for _, kind := range kinds {
		data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "standard", "gateway.networking.k8s.io_"+kind+".yaml"))
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, gatewayAPI, data); err != nil {
			return err
		}
	}
	return nil
}
