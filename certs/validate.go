// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"time"
)

// minDuration leaves time for a renewal. Vault backdates NotBefore by 30 s.
const minDuration = time.Minute

// Validate returns an error for every field that no issuer could grant, or nil. Call Normalize first: a host in upper
// case is invalid here.
func (s Spec) Validate() []FieldError {
	var found []FieldError
	found = append(found, s.validateNames()...)
	found = append(found, s.validateUsages()...)
	found = append(found, s.Key.validate()...)
	return append(found, s.validateTimes()...)
}

func (s Spec) validateNames() []FieldError {
	var found []FieldError
	if s.CommonName == "" && len(s.DNSNames)+len(s.IPAddresses)+len(s.URIs)+len(s.EmailAddresses) == 0 {
		found = append(found, fieldError("dnsNames", "", problem{"and all other names are empty", "set at least one of dnsNames, commonName, ipAddresses, uris or emailAddresses"}))
	}
	if bad := commonNameProblem(s.CommonName); bad != nil {
		found = append(found, fieldError("commonName", s.CommonName, *bad))
	}
	found = append(found, validateList("dnsNames", s.DNSNames, hostProblem)...)
	found = append(found, validateList("ipAddresses", s.IPAddresses, ipProblem)...)
	found = append(found, validateList("uris", s.URIs, uriProblem)...)
	return append(found, validateList("emailAddresses", s.EmailAddresses, emailProblem)...)
}

func (s Spec) validateUsages() []FieldError {
	var found []FieldError
	for i, u := range s.Usages {
		if !u.known() {
			found = append(found, fieldError(fmt.Sprintf("usages[%d]", i), string(u),
				problem{"is not a known usage", `use cert-manager's names, for example "server auth"`}))
		}
	}
	return found
}

func (s Spec) validateTimes() []FieldError {
	var found []FieldError
	if s.Duration != 0 && s.Duration < minDuration {
		found = append(found, fieldError("duration", s.Duration.String(),
			problem{"is too short", "use 1m0s or more, or leave it empty"}))
	}
	if s.RenewBefore != nil && s.RenewBeforePercentage != nil {
		found = append(found, fieldError("renewBeforePercentage", fmt.Sprint(*s.RenewBeforePercentage),
			problem{"cannot be set together with renewBefore", "remove one of the two"}))
	}
	if p := s.RenewBeforePercentage; p != nil && (*p < 1 || *p > 99) {
		found = append(found, fieldError("renewBeforePercentage", fmt.Sprint(*p),
			problem{"is not between 1 and 99", "use a percentage of the lifetime, for example 33"}))
	}
	if b := s.RenewBefore; b != nil && (*b <= 0 || s.Duration > 0 && *b >= s.Duration) {
		found = append(found, fieldError("renewBefore", b.String(),
			problem{"is not between 0 and the duration", "use less than the duration, for example a third of it"}))
	}
	return found
}
