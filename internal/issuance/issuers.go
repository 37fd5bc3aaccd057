// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// Signers returns the Vault session of an issuer, the same one for all its certificates.
type Signers interface {
	Get(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error)
	// Observation is the result of the last check of the issuer.
	Observation(v1alpha1.Issuer) issuer.Observation
}

// Issuers issues certificates. All fields are required. It is safe for concurrent use, but not for the same certificate.
type Issuers struct {
	Client client.Client
	// Live reads from the API server.
	Live    client.Reader
	Clock   clock.Clock
	Signers Signers

	signatures signatures
	responses  responses
}

// Session returns the issuer's session with its Vault.
func (i *Issuers) Session(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error) {
	return i.Signers.Get(ctx, issuer)
}

// Observation returns the result of the last check of an issuer.
func (i *Issuers) Observation(issuer v1alpha1.Issuer) issuer.Observation {
	return i.Signers.Observation(issuer)
}

// spend counts a signature against the rate limit, if its reason counts.
func (i *Issuers) spend(o Request, reason certs.Reason) {
	if !Unprovoked(reason) {
		i.signatures.spend(o.Certificate.UID, i.Clock.Now())
	}
}

// Forget removes a deleted certificate from memory.
func (i *Issuers) Forget(uid types.UID) {
	i.signatures.forget(uid)
	i.responses.forget(uid)
}
