// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Provided is what the plan says about a provided Secret, which someone else writes.
type Provided struct {
	// Fault is what is wrong with it. Nil means nothing.
	Fault *finding.Finding
	// Unusable means that the pair must not be pushed. Retained means that the previously pushed certificate stays, although
	// the Secret has another one.
	Unusable, Retained bool
}

// planProvided plans for a provided Secret. Nothing is issued or written. If an update broke the Secret, the previously
// pushed certificate stays.
func planProvided(s *Snapshot, now time.Time) Plan {
	d, fault := s.Judgement.Decision, s.Judgement.Fault
	p := Plan{Decision: d, Secret: Keep, Next: d.Recheck, Waiting: Waiting{Blocked: obstacle(s, false)}}
	if fault.Reason != "" {
		p.Provided.Fault = finding.New(v1alpha1.ReasonSecretInvalid, "Secret %s: %s; fix the Secret", certspec.SecretText(s.Cert), fault.Message)
		if reason, ok := faultReasons[fault.Reason]; ok {
			p.Provided.Fault.Reason = reason
		}
	}
	// A host that belongs to another certificate blocks only that host.
	blocked := p.Blocked != nil && p.Blocked.Reason != v1alpha1.ReasonConflict
	changed := !s.Recorded(certs.Fingerprint(d.Bundle.Leaf))
	p.Provided.Unusable = blocked || fault.Unusable
	record := s.Cert.Status.Issued
	valid := record.Fingerprint != "" && record.NotBefore != nil && record.NotAfter != nil && now.Before(record.NotAfter.Time)
	p.Provided.Retained = valid && (p.Provided.Unusable || fault.Reason != "" && changed)
	if p.Provided.Retained {
		_, mark := certs.ExpiryThreshold(record.NotBefore.Time, record.NotAfter.Time, now)
		p.Next = Earliest(p.Next, mark, record.NotAfter.Time)
	}
	return p
}

// faultReasons maps the faults that have their own condition reason.
var faultReasons = map[certs.Reason]string{
	certs.SecretMissing: v1alpha1.ReasonSecretMissing, certs.Expired: v1alpha1.ReasonExpired,
}
