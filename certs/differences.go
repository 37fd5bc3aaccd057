// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// keyDifference compares the leaf's public key with what want asks for; a field that is empty asks for nothing.
func keyDifference(leaf *x509.Certificate, want KeySpec) string {
	have := publicSpec(leaf.PublicKey)
	if want.Algorithm == "" && want.Size == 0 {
		return ""
	}
	if algorithm := want.WithDefaults().Algorithm; have.Algorithm != algorithm {
		return fmt.Sprintf("the key is not an %s key", algorithm)
	}
	if want.Size != 0 && have.Size != want.Size {
		return fmt.Sprintf("the key has not %d bits", want.Size)
	}
	return ""
}

// nameDifference compares common name and SANs with spec's, as sets.
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

// commonNameDifference lets a certificate have none, or one of its hosts, where the spec names none.
func commonNameDifference(have string, spec Spec) string {
	have, want := NormalizeHost(have), NormalizeHost(spec.CommonName)
	if have == want || want == "" && (have == "" || slices.Contains(mapEach(spec.DNSNames, NormalizeHost), have)) {
		return ""
	}
	return "the certificate has another common name"
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
		// Issuers put a common name that is a mail address among the SANs.
		{mapEach(spec.EmailAddresses, normalizeEmail), mapEach(leaf.EmailAddresses, normalizeEmail), []string{normalizeEmail(spec.CommonName)}},
	}
}

// subjectDifference compares the parts of the subject that spec names; what an issuer adds by itself is no difference.
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
	return "the certificate has another subject: " + strings.Join(differ, ", ")
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// forServers reports whether TLS servers are to use the certificate.
func (s Spec) forServers() bool {
	return len(s.Usages) == 0 || slices.Contains(s.Usages, ServerAuth)
}

// missingUsages are the usages of spec that leaf does not have, in the order of spec. More than asked is no fault.
func missingUsages(leaf *x509.Certificate, spec Spec) []Usage {
	var missing []Usage
	for _, u := range spec.Usages {
		if !grants(leaf, u) {
			missing = append(missing, u)
		}
	}
	return missing
}
