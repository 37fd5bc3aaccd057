// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// gatewayAPI is the version whose CRD is installed, from the module cache: it is no part of the build.
const gatewayAPI = "sigs.k8s.io/gateway-api@v1.4.0"

// InstallReferenceGrants installs the CRD of the Gateway API's ReferenceGrant. It is served a moment later.
func (c *Cluster) InstallReferenceGrants(ctx context.Context) error {
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", gatewayAPI)
	download.Dir = os.TempDir() // outside of this module, which it must not change
	out, err := download.Output()
	if err != nil {
		return fmt.Errorf("download %s: %w", gatewayAPI, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(module.Dir, "config", "crd", "standard", "gateway.networking.k8s.io_referencegrants.yaml"))
	if err != nil {
		return err
	}
	return c.Apply(ctx, gatewayAPI, data)
}
