// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/policy"
	"apisix-certs.io/apisix-certs/internal/shard"
)

// Reviewer reviews certificates. All fields except Shard and RequirePolicy are required.
type Reviewer struct {
	// Reader is the cache.
	Reader client.Reader
	Claims *authority.Claims
	// Granted reports whether objects of a kind in a namespace may refer to a Secret in another.
	Granted func(ctx context.Context, kind, from, secretNamespace, secretName string) (bool, error)
	Shard   *shard.Shard
	// RequirePolicy denies every certificate if there is no CertificatePolicy. Otherwise every certificate is allowed then.
	RequirePolicy bool

	policies  policy.Sets
	claimants claimants
}

// Review is the result of a review.
type Review struct {
	// Spec is the certificate's spec, and Invalid its validation errors.
	Spec    certs.Spec
	Invalid []certs.FieldError
	// Names are the DNS names that belong to the certificate, and Hosts those of them that are in spec.dnsNames.
	Names authority.Names
	Hosts []string
	// Refused says why the certificate is not allowed. Nil means that it is. Wanted is the approval that would change that.
	Refused *finding.Finding
	Wanted  *v1alpha1.ApprovalRequest
	// NoGateway says why nothing may be pushed to the Gateway that the spec names. Nil means that it may.
	NoGateway *finding.Finding
	// Unblocked are certificates that wait for what this one released, and have to run.
	Unblocked []client.ObjectKey

	notGranted *finding.Finding
	inUse      string
}
