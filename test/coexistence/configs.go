// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"apisix-certs.io/apisix-certs/apisix"
)

// Configs puts the whole configuration of a standalone gateway, as the sidecar of 2.x does.
func Configs(baseURL, key string) func(context.Context, []apisix.SSL) error {
	return func(ctx context.Context, ssls []apisix.SSL) error {
		body, err := json.Marshal(map[string]any{"ssls": ssls})
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, baseURL+"/apisix/admin/configs", bytes.NewReader(body))
		if err != nil {
			return err
		}
		digest := sha256.Sum256(body)
		request.Header.Set("X-Digest", hex.EncodeToString(digest[:]))
		request.Header.Set("X-API-KEY", key)
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode >= http.StatusBadRequest {
			return fmt.Errorf("the configuration was refused with %d", answer.StatusCode)
		}
		return nil
	}
}
