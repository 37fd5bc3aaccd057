// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

const opKV = "kv"

// WriteKV writes a secret in a KV version 1 secrets engine (PUT <path>) and replaces all of its data. path starts
// with the mount. Errors are *BusyError and *Error.
func (s *Session) WriteKV(ctx context.Context, path string, data map[string]string) error {
	body := make(map[string]any, len(data))
	for key, value := range data {
		body[key] = value
	}
	return s.kv(ctx, func(ctx context.Context, client *api.Client) error {
		_, err := client.Logical().WriteWithContext(ctx, path, body)
		return err
	})
}

// HasKV reports whether the secret at path has a value for key (GET <path>). Errors are *BusyError and *Error.
func (s *Session) HasKV(ctx context.Context, path, key string) (bool, error) {
	has := false
	err := s.kv(ctx, func(ctx context.Context, client *api.Client) error {
		secret, err := client.Logical().ReadWithContext(ctx, path)
		has = err == nil && secret != nil && text(secret.Data[key]) != ""
		return err
	})
	return has, err
}

// ListKV returns the names of the secrets below path (LIST <path>), or nil if there are none. Errors are *BusyError
// and *Error.
func (s *Session) ListKV(ctx context.Context, path string) ([]string, error) {
	var names []string
	err := s.kv(ctx, func(ctx context.Context, client *api.Client) error {
		secret, err := client.Logical().ListWithContext(ctx, path)
		names = nil
		if err == nil && secret != nil {
			for _, name := range texts(secret.Data["keys"]) {
				if !strings.HasSuffix(name, "/") {
					names = append(names, name)
				}
			}
		}
		return err
	})
	return names, err
}

// DeleteKV deletes the secret at path (DELETE <path>). It is no error if the secret does not exist. Errors are
// *BusyError and *Error.
func (s *Session) DeleteKV(ctx context.Context, path string) error {
	return s.kv(ctx, func(ctx context.Context, client *api.Client) error {
		_, err := client.Logical().DeleteWithContext(ctx, path)
		return err
	})
}

func (s *Session) kv(ctx context.Context, do func(context.Context, *api.Client) error) error {
	err := s.callInSlot(ctx, opKV, do)
	var known *Error
	if !errors.As(err, &known) || known.Op != opKV {
		return err
	}
	switch known.Status {
	case http.StatusForbidden:
		known.Message += ": the issuer's policy must allow create, update, read, list and delete below the mount and path in spec.vaultKV"
	case http.StatusNotFound: // version 2 also returns this for paths of version 1
		known.Message = "no KV version 1 secrets engine is mounted: set spec.vaultKV.mount to one, because the gateway supports no other"
	}
	return err
}
