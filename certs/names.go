// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
)

const (
	// maxCommonName is ub-common-name of RFC 5280 appendix A. The RFC counts characters; Vault, cert-manager and
	// OpenSSL count bytes.
	maxCommonName = 64
	// maxNames is the limit of an ApisixCertificate for each type of name. Vault has no limit. APISIX accepts a
	// certificate with its chain of up to 65,536 bytes of PEM, which is about 1,000 names of 40 characters.
	maxNames = 1000
)

func normalizeIP(s string) string {
	s = strings.TrimSpace(s)
	if address, err := netip.ParseAddr(s); err == nil {
		return address.Unmap().String()
	}
	return s
}

// normalizeURI encodes a URI as net/url does, and so as crypto/x509 and Vault do. It does not change anything that is
// not an absolute URI in ASCII.
func normalizeURI(s string) string {
	s = strings.TrimSpace(s)
	if u, bad := parseURI(s); bad == nil {
		return u.String()
	}
	return s
}

// normalizeEmail converts the host to lower case. Case counts in the local part (RFC 5280 section 7.5).
func normalizeEmail(s string) string {
	s = strings.TrimSpace(s)
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return s[:at] + NormalizeHost(s[at:])
	}
	return s
}

// comparableURI normalizes a URI and converts its host to lower case for comparison (RFC 3986 section 6.2.2.1). A
// request keeps the case of the host, because the patterns of a Vault role are case-sensitive.
func comparableURI(s string) string {
	u, bad := parseURI(strings.TrimSpace(s))
	if bad != nil {
		return s
	}
	u.Host = NormalizeHost(u.Host)
	return u.String()
}

func commonNameProblem(name string) *problem {
	switch {
	case len(name) > maxCommonName:
		return &problem{fmt.Sprintf("is longer than %d bytes", maxCommonName), "leave it empty and use dnsNames"}
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &problem{"has control characters", "leave them out"}
	case strings.Contains(name, "*"):
		return hostProblem(name)
	}
	return nil // in X.509 a common name need not be a host
}

func ipProblem(value string) *problem {
	address, err := netip.ParseAddr(value)
	if err != nil || address.Zone() != "" {
		return &problem{"is not an IP address", "use an address such as 192.0.2.1 or 2001:db8::1, without port, mask or zone"}
	}
	return nil
}

func uriProblem(value string) *problem {
	u, bad := parseURI(value)
	if bad == nil && u.String() != value {
		return &problem{"is not normalized", fmt.Sprintf("write it as %q", u)}
	}
	return bad
}

// parseURI accepts URIs that a certificate may contain (RFC 5280 section 4.2.1.6) and that every reader parses alike.
func parseURI(value string) (*url.URL, *problem) {
	if strings.ContainsFunc(value, func(r rune) bool { return r > '~' }) {
		return nil, &problem{"has characters outside ASCII", "percent-encode them (RFC 3986)"}
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || !u.IsAbs():
		return nil, &problem{"is not an absolute URI", `include the scheme, for example "spiffe://example.org/service"`}
	case u.Opaque == "" && u.Host == "" && u.Path == "":
		return nil, &problem{"has nothing after its scheme", `use a URI such as "spiffe://example.org/service"`}
	case u.Host != "" && strings.Contains("."+u.Host+".", ".."):
		return nil, &problem{"has an empty label in its host", "remove the extra dot"}
	}
	return u, nil
}

func emailProblem(value string) *problem {
	address, err := mail.ParseAddress(value)
	if err != nil || address.Address != value || strings.ContainsFunc(value, func(r rune) bool { return r > '~' }) {
		return &problem{"is not an email address", `use an ASCII address without a display name, for example "ops@example.com"`}
	}
	return nil
}

func validateList(field string, values []string, check func(string) *problem) []FieldError {
	var found []FieldError
	if len(values) > maxNames {
		found = append(found, fieldError(field, "",
			problem{fmt.Sprintf("has more than %d names", maxNames), "split them over several certificates"}))
	}
	seen := make(map[string]struct{}, len(values))
	for i, value := range values {
		bad := check(value)
		if _, twice := seen[value]; twice && bad == nil {
			bad = &problem{"is a duplicate", "remove one of the two"}
		}
		seen[value] = struct{}{}
		if bad != nil {
			found = append(found, fieldError(fmt.Sprintf("%s[%d]", field, i), value, *bad))
		}
	}
	return found
}

// nameSet implements MatchHost for many patterns.
type nameSet map[string]struct{}

func newNameSet(names []string) nameSet {
	set := make(nameSet, len(names))
	for _, name := range names {
		set[NormalizeHost(name)] = struct{}{}
	}
	return set
}

// matches reports whether MatchHost is true for one of the patterns.
func (s nameSet) matches(host string) bool {
	host = NormalizeHost(host)
	if _, same := s[host]; same || host == "" {
		return host != ""
	}
	label, parent, found := strings.Cut(host, ".")
	_, wildcard := s["*."+parent]
	return found && label != "" && wildcard
}
