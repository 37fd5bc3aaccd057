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

// Reviewer reviews certificates. All fields but Shard and RequirePolicy are required.
type Reviewer struct {
	// Reader is the cache.
	Reader client.Reader
	Claims *authority.Claims
	// Granted reports whether objects of a kind in a namespace may refer to a Secret of another.
	Granted func(ctx context.Context, kind, from, secretNamespace, secretName string) (bool, error)
	Shard   *shard.Shard
	// RequirePolicy denies every certificate where there is no CertificatePolicy. False: every one is allowed then.
	RequirePolicy bool

	policies  policy.Sets
	claimants claimants
}

// Review says what may be had.
type Review struct {
	// Spec is the certificate's, and Invalid all that is wrong with it.
	Spec    certs.Spec
	Invalid []certs.FieldError
	// Names are the DNS names that belong to the certificate, and Hosts those of spec.dnsNames among them.
	Names authority.Names
	Hosts []string
	// Refused says why the certificate may not be had; nil: it may. Wanted is the approval that would settle that.
	Refused *finding.Finding
	Wanted  *v1alpha1.ApprovalRequest
	// NoGateway says why nothing may be brought to the Gateway that the spec names; nil: it may, or names none of others.
	NoGateway *finding.Finding
	// Unblocked are certificates that wait for what this one has given up, to be looked at.
	Unblocked []client.ObjectKey

	notGranted *finding.Finding
	inUse      string
}
