// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/internal/gateway"
)

// inSecret stores keys in the certificate's Secret, which others write.
type inSecret struct {
	uid  types.UID
	held *heldKeys
}

func (s inSecret) observe(context.Context, *State) error { return nil }

func (s inSecret) lost(context.Context, gateway.Target, bool) string { return "" }

func (s inSecret) save(context.Context, string, []byte, []byte) error { return nil }

// settle forgets a key from before the spec wanted it in the Secret.
func (s inSecret) settle(context.Context, State, string) { s.held.forget(s.uid) }
