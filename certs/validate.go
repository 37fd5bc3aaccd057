// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxCommonName = 64 // ub-common-name of RFC 5280 appendix A
	maxNames      = 100
	// minDuration leaves a renewal time to happen; Vault backdates NotBefore by 30 s.
	minDuration = time.Minute
)

// FieldError is one thing that is wrong with a field and how to mend it.
type FieldError struct {
	Field   string // JSON path relative to the spec, as in "dnsNames[2]"
	Value   string // what stands there, cut to 80 characters; never a secret
	Problem string
	Mend    string // what to do
}

// Error is stable: it holds nothing but the fields.
func (e FieldError) Error() string {
	text := e.Field
	if e.Value != "" {
		text += fmt.Sprintf(" %q", e.Value)
	}
	text += " " + e.Problem
	if e.Mend != "" {
		text += ": " + e.Mend
	}
	return text
}

func fieldError(field, value string, p problem) FieldError {
	if len(value) > 80 {
		value = strings.ToValidUTF8(value[:80], "") + "..."
	}
	return FieldError{Field: field, Value: value, Problem: p.what, Mend: p.mend}
}

// Validate names everything in s that no issuer could grant, nil if there is nothing. It takes s as it is: call
// Normalize first, or upper case in a host is a fault.
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
		found = append(found, fieldError("dnsNames", "", problem{"names no host", "name at least one"}))
	}
	if len(s.DNSNames) > maxNames {
		found = append(found, fieldError("dnsNames", "",
			problem{fmt.Sprintf("has more than %d names", maxNames), "spread them over several certificates"}))
	}
	if bad := commonNameProblem(s.CommonName); bad != nil {
		found = append(found, fieldError("commonName", s.CommonName, *bad))
	}
	found = append(found, validateList("dnsNames", s.DNSNames, hostProblem)...)
	found = append(found, validateList("ipAddresses", s.IPAddresses, ipProblem)...)
	found = append(found, validateList("uris", s.URIs, uriProblem)...)
	return append(found, validateList("emailAddresses", s.EmailAddresses, emailProblem)...)
}

func validateList(field string, values []string, check func(string) *problem) []FieldError {
	var found []FieldError
	for i, value := range values {
		bad := check(value)
		if bad == nil && slices.Contains(values[:i], value) {
			bad = &problem{"is named twice", "drop one of the two"}
		}
		if bad != nil {
			found = append(found, fieldError(fmt.Sprintf("%s[%d]", field, i), value, *bad))
		}
	}
	return found
}

// commonNameProblem lets a common name be other than a host, as X.509 does.
func commonNameProblem(name string) *problem {
	switch {
	case len(name) > maxCommonName:
		return &problem{"is longer than 64 characters", "leave it empty and use dnsNames"}
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &problem{"has control characters", "leave them out"}
	case strings.Contains(name, "*"):
		return hostProblem(name)
	}
	return nil
}

func ipProblem(value string) *problem {
	address, err := netip.ParseAddr(value)
	if err != nil || address.Zone() != "" {
		return &problem{"is not an IP address", "write it as in 192.0.2.1 or 2001:db8::1, without port, mask and zone"}
	}
	return nil
}

func uriProblem(value string) *problem {
	u, err := url.Parse(value)
	if err != nil || !u.IsAbs() {
		return &problem{"is not an absolute URI", `write it with its scheme, as in "spiffe://example.org/service"`}
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r > '~' }) {
		return &problem{"has characters outside ASCII", "percent-encode them (RFC 3986)"}
	}
	return nil
}

func emailProblem(value string) *problem {
	address, err := mail.ParseAddress(value)
	if err != nil || address.Address != value || strings.ContainsFunc(value, func(r rune) bool { return r > '~' }) {
		return &problem{"is not a mail address", `write it as in "ops@example.com", in ASCII, without a display name`}
	}
	return nil
}

func (s Spec) validateUsages() []FieldError {
	var found []FieldError
	for i, u := range s.Usages {
		if !u.known() {
			found = append(found, fieldError(fmt.Sprintf("usages[%d]", i), string(u),
				problem{"is not a usage", `use cert-manager's names, as in "server auth"`}))
		}
	}
	return found
}

func (s Spec) validateTimes() []FieldError {
	var found []FieldError
	if s.Duration != 0 && s.Duration < minDuration {
		found = append(found, fieldError("duration", s.Duration.String(),
			problem{"is too short", "ask for 1m0s or more, or leave it to the issuer"}))
	}
	if s.RenewBefore != nil && s.RenewBeforePercentage != nil {
		found = append(found, fieldError("renewBeforePercentage", fmt.Sprint(*s.RenewBeforePercentage),
			problem{"stands beside renewBefore", "drop one of the two"}))
	}
	if p := s.RenewBeforePercentage; p != nil && (*p < 1 || *p > 99) {
		found = append(found, fieldError("renewBeforePercentage", fmt.Sprint(*p),
			problem{"is not between 1 and 99", "use a percentage of the life, as in 33"}))
	}
	if b := s.RenewBefore; b != nil && (*b <= 0 || s.Duration > 0 && *b >= s.Duration) {
		found = append(found, fieldError("renewBefore", b.String(),
			problem{"is not between 0 and the duration", "use less than the duration, as in a third of it"}))
	}
	return found
}
