// SPDX-License-Identifier: Apache-2.0

// Package gcpckms stands in for the seal that keeps Vault's key in Google Cloud KMS. The servers of the tests are
// unsealed by hand; the stand-in keeps that cloud's SDK out of their build.
package gcpckms

import (
	"context"
	"errors"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
)

// The names that Vault's table of seal settings mentions.
const (
	EnvGcpCkmsWrapperCredsPath   = "ENV_GCP_CKMS_WRAPPER_CREDS_PATH"
	EnvGcpCkmsWrapperProject     = "ENV_GCP_CKMS_WRAPPER_PROJECT"
	EnvGcpCkmsWrapperLocation    = "ENV_GCP_CKMS_WRAPPER_LOCATION"
	EnvVaultGcpCkmsSealCryptoKey = "ENV_VAULT_GCP_CKMS_SEAL_CRYPTO_KEY"
	EnvGcpCkmsWrapperCryptoKey   = "ENV_GCP_CKMS_WRAPPER_CRYPTO_KEY"
	EnvGcpCkmsWrapperKeyRing     = "ENV_GCP_CKMS_WRAPPER_KEY_RING"
	EnvVaultGcpCkmsSealKeyRing   = "ENV_VAULT_GCP_CKMS_SEAL_KEY_RING"
)

// Wrapper is a seal that cannot be configured.
type Wrapper struct{ wrapping.Wrapper }

// NewWrapper returns a seal that cannot be configured.
func NewWrapper() *Wrapper { return &Wrapper{} }

// SetConfig always fails.
func (*Wrapper) SetConfig(context.Context, ...wrapping.Option) (*wrapping.WrapperConfig, error) {
	return nil, errors.New("this seal is not built into this test server")
}
