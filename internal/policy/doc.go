// SPDX-License-Identifier: Apache-2.0

// Package policy decides which certificates CertificatePolicies allow.
//
//	set := policy.NewSet(policies, required)
//	verdict := set.Evaluate(policy.Request{Namespace: "shop", Labels: labels, Spec: &cert.Spec, Older: older})
//	if verdict.Denied != "" { ... }
//	if verdict.Settle(cert.Status.Approval, policy.Digest(cert)) != policy.Settled { ... }
//
// It is pure: it does not read the cluster, and knows of approvals only what Settle is given.
package policy

import (
	"slices"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Verdict is the result of all policies for one certificate.
type Verdict struct {
	// Denied says what no policy allows, and the fix. Empty means allowed. It is stable.
	Denied string
	// Manual are the policies that allow the certificate once a user has approved it, sorted. It is empty if a policy allows
	// it without approval.
	Manual []string
}

// Settlement is the state of an approval.
type Settlement int

// Results of Settle.
const (
	Unsettled Settlement = iota // no decision on this digest
	Settled                     // approved, or no approval is needed
	Refused                     // denied by a user
)

// Settle returns the state of the approval for the digest of the spec.
func (v Verdict) Settle(approval *v1alpha1.Approval, digest string) Settlement {
	switch {
	case len(v.Manual) == 0:
		return Settled
	case approval == nil || approval.Digest != digest || !slices.Contains(v.Manual, approval.Policy):
		return Unsettled
	case approval.Decision == v1alpha1.Approved:
		return Settled
	}
	return Refused
}
