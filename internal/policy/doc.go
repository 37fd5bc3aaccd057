// SPDX-License-Identifier: Apache-2.0

// Package policy decides which certificates CertificatePolicies allow.
//
//	set := policy.NewSet(policies, required)
//	verdict := set.Evaluate(policy.Request{Namespace: "shop", Labels: labels, Spec: &cert.Spec, Older: older})
//	if verdict.Denied != "" { ... }
//	if verdict.Settle(cert.Status.Approval, policy.Digest(cert)) != policy.Settled { ... }
//
// It is pure: it reads no cluster, and knows of approvals only what Settle is given.
package policy

import (
	"slices"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Verdict is what all policies together say of one certificate.
type Verdict struct {
	// Denied names what no policy allows, and the fix; empty: it is allowed. It is stable.
	Denied string
	// Manual are the policies that allow it once a user has approved it, sorted; empty where one allows it outright.
	Manual []string
}

// Settlement is what became of a verdict by hand.
type Settlement int

// Settlements of Settle.
const (
	Unsettled Settlement = iota // nobody has decided on this digest
	Settled                     // approved, or no approval is needed
	Refused                     // denied by hand
)

// Settle reports what has become of a verdict that needs an approval, for the digest of the spec.
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
