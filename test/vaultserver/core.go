// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/go-hclog"
	jwt "github.com/hashicorp/vault-plugin-auth-jwt"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/cert"
	"github.com/hashicorp/vault/builtin/logical/pki"
	"github.com/hashicorp/vault/helper/namespace"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

var (
	engines = map[string]logical.Factory{"pki": pki.Factory, "kv": kv.Factory}
	logins  = map[string]logical.Factory{
		"approle": approle.Factory, "cert": cert.Factory, "jwt": jwt.Factory, "kubernetes": kubernetes.Factory,
	}
)

func newCore(o options, logger hclog.Logger) (*vault.Core, error) {
	storage, err := newStorage(o, logger)
	if err != nil {
		return nil, err
	}
	return vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		StorageType:        o.storage,
		LogicalBackends:    engines,
		CredentialBackends: logins,
		BuiltinRegistry:    registry{},
		DisableMlock:       true,
		Logger:             logger,
	})
}

func newStorage(o options, logger hclog.Logger) (physical.Backend, error) {
	switch {
	case o.storage == "inmem":
		return inmem.NewInmem(nil, logger)
	case o.storage == "file" && o.path != "":
		return file.NewFileBackend(map[string]string{"path": o.path}, logger)
	}
	return nil, errors.New("-storage is inmem, or file with a -path")
}

// initialise gives a fresh core one unseal key and unseals it with that. It returns the root token and the key in
// base64, as `vault operator init` prints them.
func initialise(core *vault.Core, dev bool) (token, key string, err error) {
	ctx := namespace.RootContext(context.Background())
	result, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, StoredShares: 1},
	})
	if err != nil {
		return "", "", err
	}
	share := result.SecretShares[0]
	// Unseal wipes the slice that it is given.
	if unsealed, err := core.Unseal(slices.Clone(share)); err != nil || !unsealed {
		return "", "", fmt.Errorf("the fresh server does not unseal: %w", err)
	}
	if dev {
		err = mountKV(ctx, core, result.RootToken)
	}
	return result.RootToken, base64.StdEncoding.EncodeToString(share), err
}

func mountKV(ctx context.Context, core *vault.Core, token string) error {
	response, err := core.HandleRequest(ctx, &logical.Request{
		Operation:   logical.UpdateOperation,
		ClientToken: token,
		Path:        "sys/mounts/secret",
		Data:        map[string]any{"type": "kv", "options": map[string]any{"version": "2"}},
	})
	if err == nil && response.IsError() {
		err = response.Error()
	}
	return err
}

// registry tells Vault's plugin catalog what is built in.
type registry struct{}

func table(kind consts.PluginType) map[string]logical.Factory {
	switch kind {
	case consts.PluginTypeSecrets:
		return engines
	case consts.PluginTypeCredential:
		return logins
	}
	return nil
}

func (registry) Contains(name string, kind consts.PluginType) bool {
	_, ok := table(kind)[name]
	return ok
}

func (registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factory, ok := table(kind)[name]
	return func() (any, error) { return factory, nil }, ok
}

func (registry) Keys(kind consts.PluginType) []string {
	keys := []string{}
	for name := range table(kind) {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	return keys
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
