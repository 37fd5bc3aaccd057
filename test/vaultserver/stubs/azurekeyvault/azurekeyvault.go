// SPDX-License-Identifier: Apache-2.0

// Package azurekeyvault stands in for the seal that keeps Vault's key in Azure Key Vault. The servers of the tests are
// unsealed by hand; the stand-in keeps that cloud's SDK out of their build.
package azurekeyvault

import (
	"context"
	"errors"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
)

// The names that Vault's table of seal settings mentions.
const (
	EnvAzureKeyVaultWrapperKeyName   = "ENV_AZURE_KEY_VAULT_WRAPPER_KEY_NAME"
	EnvVaultAzureKeyVaultKeyName     = "ENV_VAULT_AZURE_KEY_VAULT_KEY_NAME"
	EnvAzureKeyVaultWrapperVaultName = "ENV_AZURE_KEY_VAULT_WRAPPER_VAULT_NAME"
	EnvVaultAzureKeyVaultVaultName   = "ENV_VAULT_AZURE_KEY_VAULT_VAULT_NAME"
)

// Wrapper is a seal that cannot be configured.
type Wrapper struct{ wrapping.Wrapper }

// NewWrapper returns a seal that cannot be configured.
func NewWrapper() *Wrapper { return &Wrapper{} }

// SetConfig always fails.
func (*Wrapper) SetConfig(context.Context, ...wrapping.Option) (*wrapping.WrapperConfig, error) {
	return nil, errors.New("this seal is not built into this test server")
}

// WithDisallowEnvVars has no effect.
func WithDisallowEnvVars(bool) wrapping.Option { return nil }
