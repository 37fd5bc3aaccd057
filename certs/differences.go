// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// keyDifference compares the leaf's public key with want. Empty fields of want match any key.
func keyDifference(leaf *x509.Certificate, want KeySpec) string {
	have := publicSpec(leaf.PublicKey)
	if want.Algorithm == "" && want.Size == 0 {
		return ""
	}
	if algorithm := want.WithDefaults().Algorithm; have.Algorithm != algorithm {
		return fmt.Sprintf("the key is not an %s key", algorithm)
	}
	if want.Size != 0 && have.Size != want.Size {
		return fmt.Sprintf("the key size is not %d bits", want.Size)
	}
	return ""
}

// nameDifference compares the common name and the SANs with those of spec, regardless of order.
func nameDifference(leaf *x509.Certificate, spec Spec) string {
	if difference := commonNameDifference(leaf.Subject.CommonName, spec); difference != "" {
		return difference
	}
	var missing, extra []string
	for _, kind := range sans(leaf, spec) {
		missing = append(missing, without(kind.want, kind.have)...)
		extra = append(extra, without(without(kind.have, kind.want), kind.mayHave)...)
	}
	if len(missing) > 0 {
		return "the certificate lacks names: " + joinFirst(missing)
	}
	if len(extra) > 0 {
		return "the certificate has names that were not requested: " + joinFirst(extra)
	}
	return ""
}

// commonNameDifference accepts no common name, or one of the DNS names, if spec has no common name.
func commonNameDifference(have string, spec Spec) string {
	have, want := NormalizeHost(have), NormalizeHost(spec.CommonName)
	if have == want || want == "" && (have == "" || slices.Contains(mapEach(spec.DNSNames, NormalizeHost), have)) {
		return ""
	}
	return "the certificate has a different common name"
}

type sanKind struct{ want, have, mayHave []string }

func sans(leaf *x509.Certificate, spec Spec) []sanKind {
	var addresses, uris []string
	for _, ip := range leaf.IPAddresses {
		addresses = append(addresses, normalizeIP(ip.String()))
	}
	for _, u := range leaf.URIs {
		uris = append(uris, comparableURI(u.String()))
	}
	return []sanKind{
		{mapEach(spec.DNSNames, NormalizeHost), mapEach(leaf.DNSNames, NormalizeHost), []string{NormalizeHost(spec.CommonName)}},
		{mapEach(spec.IPAddresses, normalizeIP), addresses, nil},
		{mapEach(spec.URIs, comparableURI), uris, nil},
		// Issuers add a common name that is an email address to the SANs.
		{mapEach(spec.EmailAddresses, normalizeEmail), mapEach(leaf.EmailAddresses, normalizeEmail), []string{normalizeEmail(spec.CommonName)}},
	}
}

// subjectDifference compares the parts of the subject that spec sets. Others, which the issuer added, are ignored.
func subjectDifference(leaf *x509.Certificate, spec Spec) string {
	want, have := spec.Subject, leaf.Subject
	parts := []struct {
		name       string
		want, have []string
	}{
		{"organizations", want.Organizations, have.Organization},
		{"countries", want.Countries, have.Country},
		{"organizationalUnits", want.OrganizationalUnits, have.OrganizationalUnit},
		{"localities", want.Localities, have.Locality},
		{"provinces", want.Provinces, have.Province},
		{"streetAddresses", want.StreetAddresses, have.StreetAddress},
		{"postalCodes", want.PostalCodes, have.PostalCode},
		{"serialNumber", nonEmpty(want.SerialNumber), nonEmpty(have.SerialNumber)},
	}
	var differ []string
	for _, p := range parts {
		if len(p.want) > 0 && !slices.Equal(sorted(p.want), sorted(p.have)) {
			differ = append(differ, p.name)
		}
	}
	if len(differ) == 0 {
		return ""
	}
	return "the certificate has a different subject: " + strings.Join(differ, ", ")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// forServers reports whether the certificate is for TLS servers.
func (s Spec) forServers() bool {
	return len(s.Usages) == 0 || slices.Contains(s.Usages, ServerAuth)
}

// missingUsages returns the usages in spec that leaf lacks, in the order of spec. Additional usages are ignored.
func missingUsages(leaf *x509.Certificate, spec Spec) []Usage {
	var missing []Usage
	for _, u := range spec.Usages {
		if !grants(leaf, u) {
			missing = append(missing, u)
		}
	}
	return missing
}
