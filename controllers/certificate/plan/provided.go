// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Provided is what the plan says of a Secret that somebody else keeps.
type Provided struct {
	// Fault is what is wrong with it; nil: nothing.
	Fault *finding.Finding
	// Unusable: it must not be pushed. Kept: what was pushed before stays, though the Secret holds something else.
	Unusable, Kept bool
}

// planProvided plans for a Secret that somebody else keeps: nothing is issued or written, and what was pushed before stays
// where the Secret has become worse.
func planProvided(s *Snapshot, now time.Time) Plan {
	d, fault := s.Judgement.Decision, s.Judgement.Fault
	p := Plan{Decision: d, Secret: Keep, Next: d.Recheck, Waiting: Waiting{Held: obstacle(s, false)}}
	if fault.Reason != "" {
		p.Provided.Fault = finding.New(v1alpha1.ReasonSecretInvalid, "Secret %s: %s: mend the Secret", certspec.SecretText(s.Cert), fault.Message)
		if reason, ok := faultReasons[fault.Reason]; ok {
			p.Provided.Fault.Reason = reason
		}
	}
	// A host taken by somebody else stops only that host.
	blocked := p.Held != nil && p.Held.Reason != v1alpha1.ReasonConflict
	changed := !s.Recorded(certs.Fingerprint(d.Bundle.Leaf))
	p.Provided.Unusable = blocked || fault.Unusable
	record := s.Cert.Status.Issued
	valid := record.Fingerprint != "" && record.NotBefore != nil && record.NotAfter != nil && now.Before(record.NotAfter.Time)
	p.Provided.Kept = valid && (p.Provided.Unusable || fault.Reason != "" && changed)
	if p.Provided.Kept {
		_, mark := certs.ExpiryThreshold(record.NotBefore.Time, record.NotAfter.Time, now)
		p.Next = Earliest(p.Next, mark, record.NotAfter.Time)
	}
	return p
}

// faultReasons are those with a reason of their own.
var faultReasons = map[certs.Reason]string{
	certs.SecretMissing: v1alpha1.ReasonSecretMissing, certs.Expired: v1alpha1.ReasonExpired,
}
