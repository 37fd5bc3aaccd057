// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/test/servers"
)

// installation is a release in a real API server.
type installation struct {
	*testing.T
	client     client.Client
	kubeconfig string
}

func newInstallation(t *testing.T, kube *servers.Kube, c client.Client) *installation {
	t.Helper()
	kubeconfig, err := kube.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	makeNamespace(t, c, Name)
	return &installation{T: t, client: c, kubeconfig: file}
}

// config is a new one for each action, as a command of Helm has, for it remembers what the cluster knows.
func (i *installation) config() *action.Configuration {
	i.Helper()
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig, flags.Namespace, flags.CacheDir = &i.kubeconfig, ptr.To(Name), ptr.To(i.TempDir())
	config := &action.Configuration{}
	if err := config.Init(flags, Name, "secret", func(string, ...any) {}); err != nil {
		i.Fatal(err)
	}
	return config
}

// install returns the notes.
func (i *installation) install(values map[string]any) string {
	i.Helper()
	chart, err := Load(root(i.T))
	if err != nil {
		i.Fatal(err)
	}
	install := action.NewInstall(i.config())
	install.ReleaseName, install.Namespace = Name, Name
	made, err := install.RunWithContext(i.Context(), chart, values)
	if err != nil {
		i.Fatalf("install: %v", err)
	}
	return made.Info.Notes
}

func (i *installation) upgrade(values map[string]any) {
	i.Helper()
	chart, err := Load(root(i.T))
	if err != nil {
		i.Fatal(err)
	}
	upgrade := action.NewUpgrade(i.config())
	upgrade.Namespace = Name
	if _, err := upgrade.RunWithContext(i.Context(), Name, chart, values); err != nil {
		i.Fatalf("upgrade: %v", err)
	}
}

func (i *installation) uninstall() {
	i.Helper()
	if _, err := action.NewUninstall(i.config()).Run(Name); err != nil {
		i.Fatalf("uninstall: %v", err)
	}
}

// get returns an object as it is in the cluster, nil where there is none.
func (i *installation) get(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	i.Helper()
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(apiVersion)
	object.SetKind(kind)
	err := i.client.Get(i.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		i.Fatal(err)
	}
	return object
}

func (i *installation) issuer() *unstructured.Unstructured {
	i.Helper()
	return i.get("apisix-certs.io/v1alpha1", "ClusterVaultIssuer", "", "vault")
}

func (i *installation) server() string {
	i.Helper()
	issuer := i.issuer()
	if issuer == nil {
		i.Fatal("there is no ClusterVaultIssuer")
	}
	server, _, _ := unstructured.NestedString(issuer.Object, "spec", "server")
	return server
}

func withIssuer(t *testing.T, server string) map[string]any {
	t.Helper()
	return values(t, good+"clusterVaultIssuer: {create: true, spec: {server: \""+server+"\", path: pki/sign/web, auth: {tokenSecretRef: {name: token}}}}")
}

// A release with an issuer installs into a cluster that does not know its kind, says what to do about that, is upgraded,
// and goes; CRDs and what belongs to them stay.
func TestInstallUpgradeUninstall(t *testing.T) {
	kube, c := startKube(t)
	i := newInstallation(t, kube, c)
	if notes := i.install(withIssuer(t, "https://a.example.com:8200")); !strings.Contains(notes, "NOT CREATED YET: ClusterVaultIssuer vault") {
		t.Errorf("the notes say nothing of the issuer that is missing:\n%s", notes)
	}
	for _, server := range []string{"https://a.example.com:8200", "https://b.example.com:8200"} {
		i.upgrade(withIssuer(t, server))
		if got := i.server(); got != server {
			t.Errorf("upgraded to server %s, want %s", got, server)
		}
	}
	i.uninstall()
	if i.get("apps/v1", "Deployment", Name, Name) != nil || i.get("rbac.authorization.k8s.io/v1", "ClusterRole", "", Name) != nil {
		t.Error("uninstall left something behind")
	}
	if i.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "apisixcertificates.apisix-certs.io") == nil {
		t.Error("uninstall took the CRDs")
	}
	// Once more, beside the CRDs that stayed.
	if notes := i.install(withIssuer(t, "https://c.example.com:8200")); strings.Contains(notes, "NOT CREATED YET") {
		t.Errorf("the notes miss an issuer that is there:\n%s", notes)
	}
	if server := i.server(); server != "https://c.example.com:8200" {
		t.Errorf("installed again with server %s", server)
	}
}

// Without crds.keep, nothing stays.
func TestUninstallWithoutKeep(t *testing.T) {
	kube, c := startKube(t)
	i := newInstallation(t, kube, c)
	i.install(values(t, good+"crds: {keep: false}"))
	if i.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "vaultissuers.apisix-certs.io") == nil {
		t.Error("there are no CRDs")
	}
	i.uninstall()
	if crd := i.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "vaultissuers.apisix-certs.io"); crd != nil && crd.GetDeletionTimestamp() == nil {
		t.Error("uninstall kept the CRDs")
	}
}
