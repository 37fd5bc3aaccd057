// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Spec is the requested certificate. Its fields have the same meaning as in cert-manager's Certificate.
type Spec struct {
	// CommonName may be empty. Then the first of DNSNames that is short enough is requested as common name, because
	// Vault roles require one by default, and a certificate with or without it is accepted. A common name that is a
	// host is also requested as a SAN.
	CommonName     string
	DNSNames       []string
	IPAddresses    []string
	URIs           []string
	EmailAddresses []string
	Subject        Subject
	// Usages are the usages that the certificate must have at least. If it is empty, only use by TLS servers is
	// required.
	Usages []Usage
	Key    KeySpec
	// Duration is the requested lifetime. Zero is the issuer's default.
	Duration time.Duration
	// RenewBefore is how long before NotAfter to renew. RenewBeforePercentage is the same as a percentage (1 to 99)
	// of the granted lifetime. At most one is set. If both are nil, it is a third of the lifetime.
	RenewBefore           *time.Duration
	RenewBeforePercentage *int
}

// Subject is the distinguished name without the common name (RFC 5280 section 4.1.2.6).
type Subject struct {
	Organizations       []string
	Countries           []string
	OrganizationalUnits []string
	Localities          []string
	Provinces           []string
	StreetAddresses     []string
	PostalCodes         []string
	SerialNumber        string
}

func (s Subject) name(commonName string) pkix.Name {
	return pkix.Name{
		CommonName: commonName, SerialNumber: s.SerialNumber,
		Organization: s.Organizations, OrganizationalUnit: s.OrganizationalUnits, Country: s.Countries,
		Locality: s.Localities, Province: s.Provinces, StreetAddress: s.StreetAddresses, PostalCode: s.PostalCodes,
	}
}

// Normalize returns s with names in the form that certificates contain: hosts in lower case (see NormalizeHost), IP
// addresses in their shortest form, URIs percent-encoded with their scheme in lower case (RFC 3986 section 6.2.2),
// hosts of email addresses in lower case, all without surrounding white space, and usages without duplicates. It does
// not change invalid values, so that Validate can report them. It is idempotent. Call it before Validate.
func (s Spec) Normalize() Spec {
	s.CommonName = strings.TrimSpace(s.CommonName)
	if hostProblem(NormalizeHost(s.CommonName)) == nil {
		s.CommonName = NormalizeHost(s.CommonName)
	}
	s.DNSNames = mapEach(s.DNSNames, NormalizeHost)
	s.IPAddresses = mapEach(s.IPAddresses, normalizeIP)
	s.URIs = mapEach(s.URIs, normalizeURI)
	s.EmailAddresses = mapEach(s.EmailAddresses, normalizeEmail)
	s.Usages = distinct(s.Usages)
	return s
}

// Digest identifies the subject and usages in s, which an issuer may silently not grant: a Vault role sets them
// itself. The order of values does not matter. See Observed.IssuedDigest.
func (s Spec) Digest() string {
	subject := s.Subject
	for _, list := range []*[]string{
		&subject.Organizations, &subject.Countries, &subject.OrganizationalUnits, &subject.Localities,
		&subject.Provinces, &subject.StreetAddresses, &subject.PostalCodes,
	} {
		*list = sorted(*list)
	}
	// Marshalling strings and lists of strings cannot fail.
	text, _ := json.Marshal([]any{subject, sorted(s.Usages)})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// RequestedCommonName returns the common name of a CSR: see Spec.CommonName.
func (s Spec) RequestedCommonName() string {
	if s.CommonName != "" {
		return s.CommonName
	}
	for _, host := range s.DNSNames {
		if len(host) <= maxCommonName {
			return host
		}
	}
	return ""
}

// RequestedDNSNames returns the DNS SANs of a CSR: DNSNames, and the common name if it is a host.
func (s Spec) RequestedDNSNames() []string {
	if s.CommonName == "" || hostProblem(s.CommonName) != nil {
		return s.DNSNames
	}
	return distinct(append(slices.Clone(s.DNSNames), s.CommonName))
}
