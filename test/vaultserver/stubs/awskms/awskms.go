// SPDX-License-Identifier: Apache-2.0

// Package awskms stands in for the seal that keeps Vault's key in AWS KMS. The servers of the tests are
// unsealed by hand; the stand-in keeps that cloud's SDK out of their build.
package awskms

import (
	"context"
	"errors"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
)

// The names that Vault's table of seal settings mentions.
const (
	EnvVaultAwsKmsSealKeyId = "ENV_VAULT_AWS_KMS_SEAL_KEY_ID"
	EnvAwsKmsWrapperKeyId   = "ENV_AWS_KMS_WRAPPER_KEY_ID"
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

// WithLogger has no effect. Vault passes it to its own Shamir seal too, which skips options that are nil.
func WithLogger(any) wrapping.Option { return nil }
