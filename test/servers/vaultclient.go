// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"errors"

	vaultapi "github.com/hashicorp/vault/api"
)

// Client returns a client with the root token, one for all callers: clone it to change its token. It does not retry,
// so that an outage shows at once.
func (v *Vault) Client() *vaultapi.Client { return v.client }

func (v *Vault) newClient() (*vaultapi.Client, error) {
	config := vaultapi.DefaultConfig()
	if config.Error != nil {
		return nil, config.Error
	}
	config.Address, config.MaxRetries = v.Address, 0
	if v.CA != nil {
		if err := config.ConfigureTLS(&vaultapi.TLSConfig{CACertBytes: v.CA}); err != nil {
			return nil, err
		}
	}
	client, err := vaultapi.NewClient(config)
	if err != nil {
		return nil, err
	}
	client.ClearNamespace() // the environment is the caller's, not this server's
	client.SetToken(v.Token)
	return client, nil
}

// Seal seals the server: until Unseal it answers 503 and keeps its tokens (PUT sys/seal).
func (v *Vault) Seal(ctx context.Context) error { return v.client.Sys().SealWithContext(ctx) }

// Unseal opens the server with UnsealKey (PUT sys/unseal).
func (v *Vault) Unseal(ctx context.Context) error {
	status, err := v.client.Sys().UnsealWithContext(ctx, v.UnsealKey)
	if err == nil && status.Sealed {
		err = errors.New("Vault is still sealed")
	}
	return err
}
