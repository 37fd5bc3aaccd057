// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"apisix-certs.io/apisix-certs/certs"
)

// Rejections returns what the role would reject of spec, or grant only in part, so that it can be reported before a
// request fails. It is nil if the role is not known. A duration longer than the role's max_ttl is limited by Vault
// and not rejected.
func (st Status) Rejections(spec certs.Spec) []certs.FieldError {
	if st.Role == nil {
		return nil
	}
	var found []certs.FieldError
	if !st.Verbatim { // sign-verbatim uses only the TTLs of a role
		found = st.keyRejections(spec.Key)
		found = append(found, st.Role.nameRejections(spec)...)
		found = append(found, st.Role.sanRejections(spec)...)
	}
	if most := st.Role.MaxTTL; most > 0 && spec.Duration > most && st.Role.NotAfter == "" {
		found = append(found, certs.FieldError{Field: "duration", Value: spec.Duration.String(),
			Problem: fmt.Sprintf("is longer than the %s that the role allows", most),
			Fix:     fmt.Sprintf("set %s or less, or raise the role's max_ttl", most)})
	}
	return found
}

// keyTypes are Vault's names for key_type.
var keyTypes = map[certs.Algorithm]string{certs.RSA: "rsa", certs.ECDSA: "ec", certs.Ed25519: "ed25519"}

func (st Status) keyRejections(key certs.KeySpec) []certs.FieldError {
	role := st.Role
	if st.MakesKey && role.KeyType == "any" {
		return []certs.FieldError{{Field: "issuerRef", Problem: "refers to a role with key_type=any, for which Vault cannot generate keys",
			Fix: "use sign instead of issue in the issuer's path, or give the role a key_type"}}
	}
	// If Vault generates the key, a spec without an algorithm accepts any.
	if role.KeyType == "any" || role.KeyType == "" || st.MakesKey && key.Algorithm == "" {
		return nil
	}
	key = key.WithDefaults()
	if keyTypes[key.Algorithm] != role.KeyType {
		return []certs.FieldError{{Field: "privateKey.algorithm", Value: string(key.Algorithm),
			Problem: "is rejected by the role, which requires keys of type " + role.KeyType,
			Fix:     "set privateKey.algorithm: " + algorithmOf(role.KeyType) + ", or the role's key_type=any"}}
	}
	if key.Size < role.KeyBits && key.Algorithm != certs.Ed25519 {
		return []certs.FieldError{{Field: "privateKey.size", Value: fmt.Sprint(key.Size),
			Problem: fmt.Sprintf("is rejected by the role, which requires keys of %d bits or more", role.KeyBits),
			Fix:     fmt.Sprintf("set privateKey.size: %d, or smaller key_bits in the role", role.KeyBits)}}
	}
	return nil
}

func algorithmOf(keyType string) string {
	for algorithm, name := range keyTypes {
		if name == keyType {
			return string(algorithm)
		}
	}
	return keyType
}

func (r *Role) nameRejections(spec certs.Spec) []certs.FieldError {
	var found []certs.FieldError
	if r.RequireCN && spec.RequestedCommonName() == "" {
		found = append(found, certs.FieldError{Field: "commonName", Problem: "is empty, and the role requires one",
			Fix: "set it, or the role's require_cn=false"})
	}
	if r.Templated {
		return found
	}
	refuse := func(field, name string) {
		if fix := r.rejects(name); fix != "" {
			found = append(found, certs.FieldError{Field: field, Value: name, Problem: "is not allowed by the role", Fix: fix})
		}
	}
	if spec.CommonName != "" {
		if fix := r.rejectsCommonName(spec.CommonName); fix != "" {
			found = append(found, certs.FieldError{Field: "commonName", Value: spec.CommonName, Problem: "is not allowed by the role", Fix: fix})
		}
	}
	for i, name := range spec.DNSNames {
		refuse(fmt.Sprintf("dnsNames[%d]", i), name)
	}
	for i, name := range spec.EmailAddresses {
		refuse(fmt.Sprintf("emailAddresses[%d]", i), name)
	}
	return found
}

// rejectsCommonName is rejects for a common name, which need not be a host name if the role allows that.
func (r *Role) rejectsCommonName(name string) (fix string) {
	kind := "hostname"
	if strings.Contains(name, "@") {
		kind = "email"
	}
	switch {
	case slices.Equal(r.CNValidations, []string{"disabled"}):
		return ""
	case len(r.CNValidations) > 0 && !slices.Contains(r.CNValidations, kind):
		return "remove it, or add " + kind + " to the role's cn_validations"
	case r.EnforceHostnames && kind == "hostname" && strings.ContainsFunc(name, noHostname):
		return "remove it, or set the role's cn_validations=disabled"
	}
	return r.rejects(name)
}

// noHostname reports whether no host name contains r. Letters outside ASCII are converted by Vault.
func noHostname(r rune) bool {
	return r < utf8.RuneSelf && r != '-' && r != '.' && r != '_' && r != '*' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// rejects returns how to allow a name that the role rejects, and an empty string for a name that it allows. It
// follows the order in Vault: wildcards, any name, localhost, and each allowed domain.
func (r *Role) rejects(name string) (fix string) {
	_, host, isMail := strings.Cut(name, "@")
	if !isMail {
		host = name
	}
	reduced, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case isWildcard && !r.AllowWildcards:
		return "set the role's allow_wildcard_certificates=true"
	case r.AllowAnyName, r.AllowLocalhost && r.isLocal(reduced):
		return ""
	}
	fix = "use a name in the role's allowed_domains, or add its domain there"
	for _, domain := range r.AllowedDomains {
		switch exact := strings.EqualFold(host, domain); {
		case domain == "":
		case r.allows(domain, name, host):
			return ""
		case exact:
			fix = "set the role's allow_bare_domains=true"
		case strings.HasSuffix(reduced, "."+domain), isWildcard && reduced == domain:
			fix = "set the role's allow_subdomains=true"
		case strings.Contains(domain, "*") && glob(domain, name):
			fix = "set the role's allow_glob_domains=true"
		}
	}
	return fix
}

func (r *Role) isLocal(host string) bool {
	for _, local := range []string{"localhost", "localdomain"} {
		if host == local || r.AllowSubdomains && strings.HasSuffix(host, "."+local) {
			return true
		}
	}
	return false
}

func (r *Role) allows(domain, name, host string) bool {
	reduced, isWildcard := strings.CutPrefix(host, "*.")
	switch {
	case r.AllowBareDomains && strings.EqualFold(host, domain):
		return true
	case r.AllowSubdomains && (strings.HasSuffix(reduced, "."+domain) || isWildcard && strings.EqualFold(reduced, domain)):
		return true
	}
	return r.AllowGlobDomains && strings.Contains(domain, "*") && glob(strings.ToLower(domain), strings.ToLower(name))
}

func (r *Role) sanRejections(spec certs.Spec) []certs.FieldError {
	var found []certs.FieldError
	if len(spec.IPAddresses) > 0 && !r.AllowIPSANs {
		found = append(found, certs.FieldError{Field: "ipAddresses", Problem: "are not allowed by the role",
			Fix: "remove them, or set the role's allow_ip_sans=true"})
	}
	if r.Templated {
		return found
	}
	for i, uri := range spec.URIs {
		if !r.allowsURI(uri) {
			found = append(found, certs.FieldError{Field: fmt.Sprintf("uris[%d]", i), Value: uri,
				Problem: "is not allowed by the role", Fix: "remove it, or add it to the role's allowed_uri_sans"})
		}
	}
	return found
}

func (r *Role) allowsURI(uri string) bool {
	for _, pattern := range r.AllowedURISANs {
		if glob(pattern, uri) {
			return true
		}
	}
	return false
}

// glob matches a pattern in which "*" matches any text, as Vault does.
func glob(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	for _, part := range parts[1:last] {
		_, rest, found := strings.Cut(name, part)
		if !found {
			return false
		}
		name = rest
	}
	return strings.HasSuffix(name, parts[last])
}
