// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// VaultSecret is a secret object of APISIX: the Vault from which the gateway reads "$secret://vault/ID/PATH/KEY" references
// (GET URI/v1/PREFIX/PATH, field KEY, of a key-value engine version 1). The gateway caches a value for 300 s, or until the
// object is written again.
//
// It redacts its token under fmt, slog and logr. Its JSON is the body of a PUT and contains the token.
type VaultSecret struct {
	ID        string // see ValidID
	URI       string // base URL of Vault
	Prefix    string // mount of the engine
	Token     string // or "$env://NAME", an environment variable of the gateway
	Namespace string // of Vault Enterprise; empty for none
}

type vaultSecretBody struct {
	URI       string `json:"uri"`
	Prefix    string `json:"prefix"`
	Token     string `json:"token"`
	Namespace string `json:"namespace,omitempty"`
}

// GetVaultSecret reads the object with its token, which APISIX returns (GET /apisix/admin/secrets/vault/ID). If it does not
// exist, [IsNotFound] is true for the error. Errors are as for [Client.PutSSL].
func (c *Client) GetVaultSecret(ctx context.Context, id string) (*VaultSecret, error) {
	response, err := c.vaultSecret(ctx, http.MethodGet, id, nil)
	if err != nil {
		return nil, err
	}
	b := read[*vaultSecretBody](read[node](response.body).Value)
	if b == nil {
		return nil, response.notAdminAPI("the response is not about this secret object")
	}
	return &VaultSecret{ID: id, URI: b.URI, Prefix: b.Prefix, Token: b.Token, Namespace: b.Namespace}, nil
}

// PutVaultSecret creates or replaces the object (PUT /apisix/admin/secrets/vault/ID). Errors are as for [Client.PutSSL].
func (c *Client) PutVaultSecret(ctx context.Context, s VaultSecret) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = c.vaultSecret(ctx, http.MethodPut, s.ID, body)
	return err
}

// DeleteVaultSecret deletes the object. If it does not exist, [IsNotFound] is true for the error. Errors are as for
// [Client.PutSSL].
func (c *Client) DeleteVaultSecret(ctx context.Context, id string) error {
	_, err := c.vaultSecret(ctx, http.MethodDelete, id, nil)
	return err
}

func (c *Client) vaultSecret(ctx context.Context, method, id string, body []byte) (response, error) {
	if err := ValidID(id); err != nil {
		return response{}, err
	}
	return c.do(ctx, request{method: method, resource: "secrets/vault", id: id, body: body, limit: objectLimit})
}

// MarshalJSON returns the body of a PUT, with the token.
func (s VaultSecret) MarshalJSON() ([]byte, error) {
	return json.Marshal(vaultSecretBody{URI: s.URI, Prefix: s.Prefix, Token: s.Token, Namespace: s.Namespace})
}

// String returns the id, the URI and the prefix, without the token.
func (s VaultSecret) String() string {
	return fmt.Sprintf("secret vault/%s %s/%s", s.ID, s.URI, s.Prefix)
}

// GoString implements [fmt.GoStringer].
func (s VaultSecret) GoString() string { return s.String() }

// Format implements [fmt.Formatter].
func (s VaultSecret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer].
func (s VaultSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalLog is what logr prints.
func (s VaultSecret) MarshalLog() any { return s.String() }
