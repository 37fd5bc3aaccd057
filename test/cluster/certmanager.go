// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
)

// certManager is the version whose CRDs are installed, from the module cache: it is no part of the build.
const certManager = "github.com/cert-manager/cert-manager@v1.21.2"

// InstallCertManager installs cert-manager's CRDs and waits until they are served. cert-manager itself does not run.
func (c *Cluster) InstallCertManager(ctx context.Context) error {
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", certManager)
	download.Dir = os.TempDir() // outside of this module, which it must not change
	out, err := download.Output()
	if err != nil {
		return fmt.Errorf("download %s: %w", certManager, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	for plural, kind := range map[string]string{
		"issuers": "Issuer", "clusterissuers": "ClusterIssuer", "certificates": "Certificate", "certificaterequests": "CertificateRequest",
	} {
		data, err := os.ReadFile(filepath.Join(module.Dir, "deploy", "crds", "cert-manager.io_"+plural+".yaml"))
		if err != nil {
			return err
		}
		if err := c.Apply(ctx, plural, data); err != nil {
			return err
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: kind + "List"})
		err = wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
			return c.Client.List(ctx, list) == nil, nil // not served yet
		})
		if err != nil {
			return fmt.Errorf("%s of cert-manager are not served: %w", plural, err)
		}
	}
	return nil
}
