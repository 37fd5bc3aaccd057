// SPDX-License-Identifier: Apache-2.0

// Package cluster starts a test cluster for tests, the demo and benchmarks: a real API server, a real Vault (package servers), a
// gateway, and the controller as a separate process with the permissions of its ServiceAccount.
//
// The gateway is the stand-in of package apisixtest, or a real one given by its addresses.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/manifests"
	"apisix-certs.io/apisix-certs/test/servers"
)

// Options are the options of Start. The zero value starts the servers and the stand-in.
type Options struct {
	// Gateway is a real gateway. Nil starts the stand-in.
	Gateway *Gateway
	// Kube is the administrator's configuration of a running test cluster. Start installs CRDs and RBAC, which are not removed.
	// Nil starts an API server.
	Kube *rest.Config
	// Role are fields of the Vault role that differ from those of manifests/samples/vault-setup.sh.
	Role map[string]any
	// KubeDir is the folder of the API server, which RestartKube requires. Empty: a temporary folder.
	KubeDir string
	// Log receives what the servers log. Nil drops it.
	Log io.Writer
	// GatewayEnv is the environment of the stand-in, for $env:// references.
	GatewayEnv map[string]string
	// GatewayLog receives what the stand-in logs. Nil drops it.
	GatewayLog *slog.Logger
}

// Gateway has the addresses and the admin key of a gateway.
type Gateway struct {
	AdminURL, AdminKey, TLSAddr string
}

// Cluster is a started test cluster.
type Cluster struct {
	Kube  *servers.Kube
	Vault *servers.Vault
	// StandIn is nil if the gateway is real.
	StandIn *apisixtest.Server
	Gateway Gateway
	// KubeTap is a proxy through which controllers connect to the API server. Nil: they connect directly.
	KubeTap *Tap
	// Client acts as the cluster administrator.
	Client client.Client

	options Options
}

// Start starts the servers, installs CRDs and RBAC, and sets up Vault as manifests/samples/vault-setup.sh does.
func Start(ctx context.Context, options Options) (c *Cluster, err error) {
	c = &Cluster{options: options}
	defer func(started *Cluster) { // c is nil on error
		if err != nil {
			started.Stop()
		}
	}(c)
	if err := c.startKube(ctx); err != nil {
		return nil, err
	}
	if c.Client, err = client.New(c.Kube.Config, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return nil, err
	}
	if c.Vault, err = servers.StartVault(ctx, servers.VaultOptions{Dev: true, Log: options.Log}); err != nil {
		return nil, err
	}
	if err := c.startGateway(options.Gateway); err != nil {
		return nil, err
	}
	if err := c.setUpVault(ctx, options.Role); err != nil {
		return nil, fmt.Errorf("set up Vault: %w", err)
	}
	if err := c.ApplyFolder(ctx, "rbac"); err != nil {
		return nil, err
	}
	return c, nil
}

// startKube starts the API server with all CRDs. The garbage collector finds kinds that are installed later only after half a
// minute.
func (c *Cluster) startKube(ctx context.Context) error {
	ours, err := os.MkdirTemp("", "apisix-certs-crds-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(ours)
	if err := os.CopyFS(ours, manifests.FS); err != nil {
		return err
	}
	if c.options.Kube != nil {
		c.Kube = servers.KubeOf(c.options.Kube)
		_, err := envtest.InstallCRDs(c.Kube.Config, envtest.CRDInstallOptions{Paths: []string{filepath.Join(ours, "crds")}, ErrorIfPathMissing: true})
		return err
	}
	theirs, err := servers.IngressControllerCRDs(ctx)
	if err != nil {
		return err
	}
	c.Kube, err = servers.StartKube(ctx, servers.KubeOptions{
		Dir: c.options.KubeDir, CRDs: []string{theirs, filepath.Join(ours, "crds")}, ControllerManager: true, Log: c.options.Log,
	})
	return err
}

// RestartKube stops etcd, the API server and the controller manager, and starts them again with the same objects, under a
// new address that Kube, Client and KubeTap have afterwards. It needs Options.KubeDir.
func (c *Cluster) RestartKube(ctx context.Context) error {
	if c.options.KubeDir == "" {
		return errors.New("an API server in a temporary folder cannot restart")
	}
	if err := c.Kube.Stop(); err != nil {
		return err
	}
	kube, err := servers.StartKube(ctx, servers.KubeOptions{Dir: c.options.KubeDir, ControllerManager: true, Log: c.options.Log})
	if err != nil {
		return err
	}
	c.Kube = kube
	if c.Client, err = client.New(kube.Config, client.Options{Scheme: controllers.Scheme()}); err != nil || c.KubeTap == nil {
		return err
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(kube.Config))
	if err != nil {
		return err
	}
	return c.KubeTap.Retarget(kube.Config.Host, transport)
}

// Stop stops everything that Start started.
func (c *Cluster) Stop() {
	if c.StandIn != nil {
		c.StandIn.Close()
	}
	if c.Vault != nil {
		c.Vault.Stop()
	}
	if c.Kube != nil {
		_ = c.Kube.Stop()
	}
}

func (c *Cluster) startGateway(real *Gateway) (err error) {
	if real != nil {
		c.Gateway = *real
		return nil
	}
	if c.StandIn, err = apisixtest.NewServer(apisixtest.Options{Log: c.options.GatewayLog, Env: c.options.GatewayEnv}); err != nil {
		return err
	}
	c.Gateway = Gateway{AdminURL: c.StandIn.AdminURL(), AdminKey: c.StandIn.AdminKey(), TLSAddr: c.StandIn.TLSAddr()}
	return nil
}

// setUpVault does what manifests/samples/vault-setup.sh does.
func (c *Cluster) setUpVault(ctx context.Context, role map[string]any) error {
	data := map[string]any{
		"allowed_domains": "moelove.info", "allow_subdomains": true, "allow_bare_domains": true, "key_type": "any", "max_ttl": "72h",
	}
	for key, value := range role {
		data[key] = value
	}
	if _, err := c.Vault.SetUpPKI(ctx, servers.PKIOptions{CommonName: "moelove.info", Role: "moelove-dot-info", RoleData: data}); err != nil {
		return err
	}
	if err := c.Vault.SetUpKubernetesAuth(ctx, c.Kube); err != nil {
		return err
	}
	vault := c.Vault.Client()
	const policy = `
path "pki*"                       { capabilities = ["read", "list"] }
path "pki/sign/moelove-dot-info"  { capabilities = ["create", "update"] }
path "pki/issue/moelove-dot-info" { capabilities = ["create"] }
`
	if err := vault.Sys().PutPolicyWithContext(ctx, "pki", policy); err != nil {
		return err
	}
	_, err := vault.Logical().WriteWithContext(ctx, "auth/kubernetes/role/issuer", map[string]any{
		"bound_service_account_names": "issuer", "bound_service_account_namespaces": "default", "policies": "pki", "ttl": "20m",
	})
	return err
}

// ApplyFolder applies the manifests of a folder of package manifests.
func (c *Cluster) ApplyFolder(ctx context.Context, folder string) error {
	files, err := fs.Glob(manifests.FS, folder+"/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := c.ApplyFile(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

// ApplyFile applies one file of package manifests. VaultIssuers are pointed at this cluster's Vault.
func (c *Cluster) ApplyFile(ctx context.Context, file string) error {
	data, err := manifests.FS.ReadFile(file)
	if err != nil {
		return err
	}
	return c.Apply(ctx, file, data)
}

// Apply applies the objects of a YAML stream, as kubectl apply --server-side does.
func (c *Cluster) Apply(ctx context.Context, name string, data []byte) error {
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetKind() == "VaultIssuer" {
			if err := unstructured.SetNestedField(object.Object, c.Vault.Address, "spec", "server"); err != nil {
				return err
			}
		}
		if err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership); err != nil {
			return fmt.Errorf("%s: %s %s: %w", name, object.GetKind(), object.GetName(), err)
		}
	}
}

// SigningToken creates a Vault token for issuers, which can only read and sign in pki.
func (c *Cluster) SigningToken(ctx context.Context) (string, error) {
	vault := c.Vault.Client()
	const policy = `
path "pki*"       { capabilities = ["read", "list"] }
path "pki/sign/*" { capabilities = ["create", "update"] }
`
	if err := vault.Sys().PutPolicyWithContext(ctx, "signing", policy); err != nil {
		return "", err
	}
	answer, err := vault.Logical().WriteWithContext(ctx, "auth/token/create", map[string]any{"policies": []string{"signing"}, "period": "24h"})
	if err != nil {
		return "", err
	}
	return answer.Auth.ClientToken, nil
}
