// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"context"
	"flag"
	"io"
	"os"
	"slices"
	"testing"

	vaultapi "github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// world is what all rows share.
type world struct {
	*cluster.Cluster
	// vault sees what issuers are asked.
	vault *cluster.Tap
	// gateway is the tests' own client of the Admin API.
	gateway *apisix.Client
	// token is the Vault token of the issuers that all tenants share. As docs/vault.md has it, it may sign and revoke.
	token      string
	binary     string
	log        *os.File
	controller *cluster.Controller
}

// sharedIssuer is the ClusterVaultIssuer that all tenants may use.
var sharedIssuer = v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterVaultIssuer, Name: "shared"}

// outpostLabel is on the namespaces that the world's controller leaves to one of their own.
const outpostLabel = "outpost"

// envToken is the Vault token in the gateway's environment.
const envToken = "attacks-gateway-token"

var shared = cluster.Shared[*world]{New: newWorld, End: (*world).end, Log: func(w *world) *os.File { return w.log }}

func TestMain(m *testing.M) {
	flag.Parse()
	// Rows wait most of their time.
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		_ = flag.Set("test.parallel", "48")
	}
	os.Exit(shared.Main(m))
}

func newWorld(ctx context.Context) (*world, error) {
	w := &world{}
	var err error
	if w.binary, err = cluster.Binary(ctx); err != nil {
		return nil, err
	}
	if w.log, err = os.CreateTemp("", "apisix-certs-attacks-*.log"); err != nil {
		return nil, err
	}
	if w.Cluster, err = cluster.Start(ctx, cluster.Options{GatewayEnv: map[string]string{"VAULT_TOKEN": envToken}}); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{w.tap, w.setUpVault, w.makeIssuer, w.InstallReferenceGrants, w.startController} {
		if err := step(ctx); err != nil {
			w.Stop()
			return nil, err
		}
	}
	return w, nil
}

func (w *world) tap(context.Context) (err error) {
	if w.vault, err = cluster.NewTap(w.Vault.Address, nil); err != nil {
		return err
	}
	w.gateway, err = apisix.New(apisix.Options{Endpoints: []string{w.Gateway.AdminURL}, AdminKey: apisix.StaticKey(w.Gateway.AdminKey)})
	return err
}

func (w *world) setUpVault(ctx context.Context) error {
	vault := w.Vault.Client()
	const policy = `
path "pki*"       { capabilities = ["read", "list"] }
path "pki/sign/*" { capabilities = ["create", "update"] }
path "pki/revoke" { capabilities = ["create", "update"] }
path "kv/*"       { capabilities = ["create", "update", "read", "list", "delete"] }
`
	if err := vault.Sys().PutPolicyWithContext(ctx, "attacks", policy); err != nil {
		return err
	}
	if err := w.setUpKV(ctx); err != nil {
		return err
	}
	answer, err := vault.Logical().WriteWithContext(ctx, "auth/token/create", map[string]any{"policies": []string{"attacks"}, "period": "24h"})
	if err != nil {
		return err
	}
	w.token = answer.Auth.ClientToken
	return nil
}

// setUpKV mounts a key-value engine of version 1, which the gateway may read with the token in its environment.
func (w *world) setUpKV(ctx context.Context) error {
	vault := w.Vault.Client()
	if err := vault.Sys().MountWithContext(ctx, "kv", &vaultapi.MountInput{Type: "kv", Options: map[string]string{"version": "1"}}); err != nil {
		return err
	}
	if err := vault.Sys().PutPolicyWithContext(ctx, "attacks-gateway", `path "kv/*" { capabilities = ["read"] }`); err != nil {
		return err
	}
	_, err := vault.Logical().WriteWithContext(ctx, "auth/token/create", map[string]any{"id": envToken, "policies": []string{"attacks-gateway"}})
	return err
}

func (w *world) makeIssuer(ctx context.Context) error {
	token := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apisix-certs", Name: "shared-token"}, StringData: map[string]string{"token": w.token},
	}
	if err := w.Client.Create(ctx, token); err != nil {
		return err
	}
	return w.clusterIssuer(ctx, sharedIssuer.Name, "moelove-dot-info")
}

// clusterIssuer makes a ClusterVaultIssuer for a role of Vault's mount pki.
func (w *world) clusterIssuer(ctx context.Context, name, role string) error {
	return w.Client.Create(ctx, &v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.VaultIssuerSpec{
		Server: w.vault.URL, Path: "pki/sign/" + role,
		Auth: v1alpha1.VaultAuth{TokenSecretRef: &v1alpha1.SecretKeySelector{Name: "shared-token", Key: "token"}},
	}})
}

// always are flags of all controllers. Without a lease none ends on a machine that is too busy to hold one.
var always = []string{"--log-level", "debug", "--leader-elect=false"}

// startController starts the controller of all namespaces but those of outposts. Its mode is set, so that an IngressClass
// of one row does not change it.
func (w *world) startController(ctx context.Context) (err error) {
	w.controller, err = w.StartController(ctx, w.binary, io.Writer(w.log), append(slices.Clone(always), "--push-mode", "own", "--namespace-selector", "!"+outpostLabel)...)
	return err
}

func (w *world) end() error {
	err := w.controller.Stop()
	w.close()
	printTally()
	return err
}

// close stops all but the controller.
func (w *world) close() {
	w.vault.Close()
	w.Stop()
}

// create creates objects as the cluster administrator.
func (w *world) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := w.Client.Create(ctx, object); err != nil {
			return err
		}
	}
	return nil
}
