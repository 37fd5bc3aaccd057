// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestMain is kubectl or vault where it is called so.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "kubectl":
		os.Exit(cli.Run(kubectl.NewDefaultKubectlCommand()))
	case "vault":
		if err := vaultMain(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "vault:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	ctrllog.SetLogger(logr.Discard()) // envtest logs
	code := m.Run()
	cluster.RemoveBinary()
	os.Exit(code)
}
