// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"time"

	"github.com/hashicorp/vault/api"
)

// Role is a PKI role (GET <mount>/roles/<role>).
type Role struct {
	Name             string
	KeyType          string // "rsa", "ec", "ed25519" or "any"
	KeyBits          int    // least bits of a key; 0 for the default
	AllowedDomains   []string
	AllowSubdomains  bool
	AllowBareDomains bool
	AllowGlobDomains bool
	AllowWildcards   bool
	AllowAnyName     bool
	AllowLocalhost   bool
	AllowIPSANs      bool
	EnforceHostnames bool // common names too must be hostnames
	AllowedURISANs   []string
	RequireCN        bool
	// Templated: names are allowed by the token's identity too, so nothing can be said about them here.
	Templated bool
	MaxTTL    time.Duration // 0 for the mount's
	// NotAfter is when its certificates end, in RFC 3339, whatever is wished for; empty where the wish counts.
	NotAfter string
	// NotBeforeDuration is how long before its issuance a certificate begins. Vault before 1.9 does not say: 0.
	NotBeforeDuration time.Duration
	// CNValidations are "hostname", "email" or "disabled"; empty for what Vault before 1.12 does, which is the first two.
	CNValidations []string
	// GenerateLease ties certificates to the token that they were issued with.
	GenerateLease bool
	IssuerRef     string // "default" or an issuer's name or id; empty before Vault 1.11
}

func (s *Session) rolePath() string { return s.path.mount + "/roles/" + s.path.role }

func (s *Session) role(ctx context.Context) (*Role, error) {
	var secret *api.Secret
	err := s.call(ctx, access{op: opRole, extra: true}, func(ctx context.Context, l *login) (err error) {
		secret, err = read(ctx, l.client, s.rolePath())
		return err
	})
	if err != nil {
		return nil, err
	}
	return parseRole(s.path.role, secret.Data), nil
}

func parseRole(name string, data map[string]any) *Role {
	is := func(field string) bool { b, _ := data[field].(bool); return b }
	wildcards, told := data["allow_wildcard_certificates"].(bool)
	return &Role{
		Name: name, KeyType: text(data["key_type"]), KeyBits: int(number(data["key_bits"])),
		AllowedDomains: texts(data["allowed_domains"]), AllowSubdomains: is("allow_subdomains"),
		AllowBareDomains: is("allow_bare_domains"), AllowGlobDomains: is("allow_glob_domains"),
		AllowWildcards: wildcards || !told, AllowAnyName: is("allow_any_name"),
		AllowLocalhost: is("allow_localhost"), AllowIPSANs: is("allow_ip_sans"), EnforceHostnames: is("enforce_hostnames"),
		AllowedURISANs: texts(data["allowed_uri_sans"]), RequireCN: is("require_cn"),
		Templated: is("allowed_domains_template") || is("allow_token_displayname") || is("allowed_uri_sans_template"),
		MaxTTL:    time.Duration(number(data["max_ttl"])) * time.Second,
		NotAfter:  text(data["not_after"]), NotBeforeDuration: time.Duration(number(data["not_before_duration"])) * time.Second,
		CNValidations: texts(data["cn_validations"]), GenerateLease: is("generate_lease"),
		IssuerRef: text(data["issuer_ref"]),
	}
}
