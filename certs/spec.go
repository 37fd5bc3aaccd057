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

// Spec is the certificate that is wanted. Fields mean what they mean in cert-manager's Certificate.
type Spec struct {
	// CommonName may be empty: then the first of DNSNames that fits into a common name is asked for, because a Vault
	// role wants one by default, and a certificate with or without it is taken. A common name that is a host is also
	// asked for as a SAN.
	CommonName     string
	DNSNames       []string
	IPAddresses    []string
	URIs           []string
	EmailAddresses []string
	Subject        Subject
	// Usages that the certificate must have at least; empty asks for nothing but that TLS servers may use it.
	Usages []Usage
	Key    KeySpec
	// Duration is the life asked for; 0 leaves it to the issuer.
	Duration time.Duration
	// RenewBefore is how long before NotAfter to renew; RenewBeforePercentage the same in percent (1 to 99) of the life
	// that the issuer granted. At most one is set; with both nil it is a third of the life.
	RenewBefore           *time.Duration
	RenewBeforePercentage *int
}

// Subject is the distinguished name beside the common name (RFC 5280 section 4.1.2.6).
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

// Normalize returns spec with each name as certificates carry it: hosts in lower case (see NormalizeHost), IP addresses in
// their shortest form, URIs percent-encoded with their scheme in lower case (RFC 3986 section 6.2.2), the host of e-mail
// addresses in lower case, white space around names cut; and usages without repeats. Sources apply it before Validate. What
// is wrong stays, for Validate to name. It is idempotent.
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

// Digest identifies what spec asks for that an issuer may leave out without a word: Subject and Usages, which a Vault
// role sets by itself. The order of values does not count. See Observed.IssuedDigest.
func (s Spec) Digest() string {
	subject := s.Subject
	for _, list := range []*[]string{
		&subject.Organizations, &subject.Countries, &subject.OrganizationalUnits, &subject.Localities,
		&subject.Provinces, &subject.StreetAddresses, &subject.PostalCodes,
	} {
		*list = sorted(*list)
	}
	// Strings and lists of strings always marshal.
	text, _ := json.Marshal([]any{subject, sorted(s.Usages)})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// RequestedCommonName is the common name that a request carries, see Spec.CommonName.
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

// RequestedDNSNames are the DNS SANs that a request carries: DNSNames, and the common name if it is a host.
func (s Spec) RequestedDNSNames() []string {
	if s.CommonName == "" || hostProblem(s.CommonName) != nil {
		return s.DNSNames
	}
	return distinct(append(slices.Clone(s.DNSNames), s.CommonName))
}
