// SPDX-License-Identifier: Apache-2.0

// Package ocikms stands in for the seal that keeps Vault's key in Oracle Cloud KMS. The servers of the tests are
// unsealed by hand; the stand-in keeps that cloud's SDK out of their build.
package ocikms

import (
	"context"
	"errors"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
)

// The names that Vault's table of seal settings mentions.
const (
	EnvOciKmsWrapperCryptoEndpoint       = "ENV_OCI_KMS_WRAPPER_CRYPTO_ENDPOINT"
	EnvVaultOciKmsSealCryptoEndpoint     = "ENV_VAULT_OCI_KMS_SEAL_CRYPTO_ENDPOINT"
	EnvOciKmsWrapperKeyId                = "ENV_OCI_KMS_WRAPPER_KEY_ID"
	EnvVaultOciKmsSealKeyId              = "ENV_VAULT_OCI_KMS_SEAL_KEY_ID"
	EnvOciKmsWrapperManagementEndpoint   = "ENV_OCI_KMS_WRAPPER_MANAGEMENT_ENDPOINT"
	EnvVaultOciKmsSealManagementEndpoint = "ENV_VAULT_OCI_KMS_SEAL_MANAGEMENT_ENDPOINT"
	KmsConfigKeyId                       = "KMS_CONFIG_KEY_ID"
	KmsConfigCryptoEndpoint              = "KMS_CONFIG_CRYPTO_ENDPOINT"
	KmsConfigManagementEndpoint          = "KMS_CONFIG_MANAGEMENT_ENDPOINT"
)

// Wrapper is a seal that cannot be configured.
type Wrapper struct{ wrapping.Wrapper }

// NewWrapper returns a seal that cannot be configured.
func NewWrapper() *Wrapper { return &Wrapper{} }

// SetConfig always fails.
func (*Wrapper) SetConfig(context.Context, ...wrapping.Option) (*wrapping.WrapperConfig, error) {
	return nil, errors.New("this seal is not built into this test server")
}
