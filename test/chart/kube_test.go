// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"apisix-certs.io/apisix-certs/test/servers"
)

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard()) // the API server warns
	os.Exit(m.Run())
}

// Modules that are no part of any build, and whose CRDs tests install.
const (
	prometheusOperator = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
	certManager        = "github.com/cert-manager/cert-manager@v1.21.2"
	gatewayAPI         = "sigs.k8s.io/gateway-api@v1.6.3"
)

// moduleDir is the folder of a module in the module cache.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", module)
	command.Dir = os.TempDir() // outside of this module, which it must not change
	out, err := command.Output()
	if err != nil {
		t.Fatalf("module %s: %v", module, err)
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Dir
}

// startKube starts an API server with CRDs, without anything of the chart.
func startKube(t *testing.T, crds ...string) (*servers.Kube, client.Client) {
	t.Helper()
	servers.Need(t)
	kube, err := servers.StartKube(context.Background(), servers.KubeOptions{CRDs: crds})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kube.Stop() })
	c, err := client.New(kube.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return kube, c
}

func makeNamespace(t *testing.T, c client.Client, name string) {
	t.Helper()
	err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
}

func operatorCRDs(t *testing.T) []string {
	t.Helper()
	folder := filepath.Join(moduleDir(t, prometheusOperator), "example", "prometheus-operator-crd")
	return []string{
		filepath.Join(folder, "monitoring.coreos.com_servicemonitors.yaml"),
		filepath.Join(folder, "monitoring.coreos.com_prometheusrules.yaml"),
	}
}
