// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"context"
	"io"

	"github.com/hashicorp/vault/api"
)

// read is Logical.Read that returns an error for status 404 and for empty data.
func read(ctx context.Context, client *api.Client, path string) (*api.Secret, error) {
	body, err := readRaw(ctx, client, path)
	if err != nil {
		return nil, err
	}
	secret, err := api.ParseSecret(bytes.NewReader(body))
	if err == nil && (secret == nil || secret.Data == nil) {
		err = &fault{problem: "the response is empty", fix: "check server and the issuer's path"}
	}
	return secret, err
}

func readRaw(ctx context.Context, client *api.Client, path string) ([]byte, error) {
	resp, err := client.Logical().ReadRawWithContext(ctx, path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
