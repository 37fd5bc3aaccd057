// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// atGateway stores keys only in the gateways' ssl objects. A new key is in memory until it is there.
type atGateway struct {
	uid      types.UID
	gateways []*gateway.Gateway
	held     *heldKeys
}

func (s atGateway) observe(ctx context.Context, state *State) error {
	state.Outside = true
	state.Unsupported, state.Unknown = checkOwnMode(ctx, s.gateways, v1alpha1.KeyAtGateway)
	return nil
}

// lost returns which gateway lost a key of which it had the only copy. A gateway that does not respond is reported by the
// push.
func (s atGateway) lost(ctx context.Context, t gateway.Target, unserved bool) string {
	if len(t.Key) > 0 {
		return ""
	}
	for _, g := range s.gateways {
		state, err := g.Observe(ctx, t)
		if err != nil {
			continue
		}
		switch {
		case g.Plan(state, t).Verb == gateway.ActionRenew:
			return "gateway " + g.Name + " has lost the private key, of which it had the only copy"
		case unserved && g.Explain(ctx, state, t, g.Prove(ctx, state.Hosts(t), t.Fingerprint)).Cause == gateway.UnfitKey:
			return "gateway " + g.Name + " does not serve the certificate with its private key, of which it has the only copy"
		}
	}
	return ""
}

func (s atGateway) save(_ context.Context, fingerprint string, _, keyPEM []byte) error {
	s.held.put(s.uid, fingerprint, keyPEM)
	return nil
}

func (s atGateway) settle(_ context.Context, _ State, fingerprint string) {
	s.held.drop(s.uid, fingerprint)
}

// checkOwnMode returns why a key cannot be stored outside Kubernetes with these gateways, or an error if that is not known.
func checkOwnMode(ctx context.Context, gateways []*gateway.Gateway, storage v1alpha1.KeyStorage) (never *finding.Finding, unknown error) {
	if len(gateways) == 0 {
		return finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: %s requires a gateway, and none is configured for this certificate; use Secret", storage), nil
	}
	for _, g := range gateways {
		mode, err := g.FindMode(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("gateway %s: %w", g.Name, err)
		case mode != gateway.ModeOwn:
			return finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: %s requires push mode own, but gateway %s is in mode %s, where an ingress controller needs the key in the Secret; use Secret", storage, g.Name, mode), nil
		}
	}
	return nil, nil
}
