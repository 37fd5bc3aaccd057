// SPDX-License-Identifier: Apache-2.0

// Package policy says which certificates CertificatePolicies allow.
//
//	verdict := policy.Evaluate(policies, namespaceLabels, &cert.Spec)
//	if verdict.Denied != "" { ... }
//
// It is pure: it reads no cluster, and does not know who approved what but by Settle, which takes it from a status.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// Verdict is what all policies together say of one certificate.
type Verdict struct {
	// Denied says what no policy allows; empty: it is allowed. It is stable.
	Denied string
	// Manual are the policies that allow it once somebody has approved it, sorted; empty where one allows it outright.
	Manual []string
}

// Settlement is what became of a verdict by hand.
type Settlement int

// Settlements of Settle.
const (
	Unsettled Settlement = iota // nobody has decided on these names and this issuer
	Settled                     // approved, or no approval is needed
	Refused                     // denied by hand
)

// Settle tells whether what the verdict leaves to be decided by hand is decided, for the digest of the spec.
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

// Digest identifies what an approval is for: all names, and the issuer. The order of names does not count; key, life and
// renewal are no matter.
func Digest(spec *v1alpha1.ApisixCertificateSpec) string {
	issuer := ""
	if !spec.Push {
		issuer = spec.IssuerRef.String()
	}
	text, _ := json.Marshal([]any{ // plain data always marshals
		sorted(spec.DNSNames), certs.NormalizeHost(spec.CommonName), sorted(spec.IPAddresses), sorted(spec.URIs), sorted(spec.EmailAddresses), spec.Subject, issuer,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func sorted(names []string) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, certs.NormalizeHost(name))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
