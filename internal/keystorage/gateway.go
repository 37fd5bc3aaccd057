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

// atGateway is for keys that are in the gateways' ssl objects alone. A new one is held in memory until it is there.
type atGateway struct {
	uid      types.UID
	gateways []*gateway.Gateway
	held     *heldKeys
}

func (s atGateway) observe(ctx context.Context, state *State) error {
	state.Outside = true
	state.Impossible, state.Unknown = ownOnly(ctx, s.gateways, v1alpha1.KeyAtGateway)
	return nil
}

// lost says which gateway does not have the key that it alone had. A gateway that does not answer says so when it is pushed to.
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
			return "gateway " + g.Name + " has lost the private key that it alone had"
		case unserved && g.Explain(ctx, state, t, g.Prove(ctx, state.Hosts(t), t.Fingerprint)).Cause == gateway.UnfitKey:
			return "gateway " + g.Name + " does not serve the certificate with the private key that it alone had"
		}
	}
	return ""
}

func (s atGateway) keep(_ context.Context, fingerprint string, _, keyPEM []byte) error {
	s.held.put(s.uid, fingerprint, keyPEM)
	return nil
}

func (s atGateway) settle(_ context.Context, _ State, fingerprint string) {
	s.held.drop(s.uid, fingerprint)
}

// ownOnly says why a key cannot be kept outside of Kubernetes with these gateways, or that a gateway does not say.
func ownOnly(ctx context.Context, gateways []*gateway.Gateway, storage v1alpha1.KeyStorage) (never *finding.Finding, unknown error) {
	if len(gateways) == 0 {
		return finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: %s needs a gateway, and none is configured for this certificate: use Secret", storage), nil
	}
	for _, g := range gateways {
		mode, err := g.FindMode(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("gateway %s: %w", g.Name, err)
		case mode != gateway.ModeOwn:
			return finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: %s needs push mode own, and gateway %s is in mode %s, where an ingress controller needs the key in the Secret: use Secret", storage, g.Name, mode), nil
		}
	}
	return nil, nil
}
