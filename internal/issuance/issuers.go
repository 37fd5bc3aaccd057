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

// Signers gives the session of an issuer with a Vault, the same one to all its certificates.
type Signers interface {
	Get(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error)
	// Observation is what the last check of the issuer showed.
	Observation(v1alpha1.Issuer) issuer.Observation
}

// Issuers get certificates signed. All fields are required. It is safe for concurrent use, but for one certificate at a time.
type Issuers struct {
	Client client.Client
	// Live reads past the cache.
	Live    client.Reader
	Clock   clock.Clock
	Signers Signers

	signatures signatures
	responses  responses
}

// Session is an issuer's with its Vault.
func (i *Issuers) Session(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error) {
	return i.Signers.Get(ctx, issuer)
}

// Observation is what the last check of an issuer showed.
func (i *Issuers) Observation(issuer v1alpha1.Issuer) issuer.Observation {
	return i.Signers.Observation(issuer)
}

// spend counts a signature for the floor, where it is for a reason that counts.
func (i *Issuers) spend(o Request, reason certs.Reason) {
	if !Unprovoked(reason) {
		i.signatures.spend(o.Certificate.UID, i.Clock.Now())
	}
}

// Forget drops what is in memory of a certificate that is gone.
func (i *Issuers) Forget(uid types.UID) {
	i.signatures.forget(uid)
	i.responses.forget(uid)
}
