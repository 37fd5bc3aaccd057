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
	KeyBits          int    // minimum size of a key; 0 for the default
	AllowedDomains   []string
	AllowSubdomains  bool
	AllowBareDomains bool
	AllowGlobDomains bool
	AllowWildcards   bool
	AllowAnyName     bool
	AllowLocalhost   bool
	AllowIPSANs      bool
	EnforceHostnames bool // common names must also be host names
	AllowedURISANs   []string
	RequireCN        bool
	// Templated means that allowed names also depend on the token's identity, so they cannot be checked here.
	Templated bool
	MaxTTL    time.Duration // 0 for that of the mount
	// NotAfter is the fixed NotAfter of its certificates in RFC 3339. If it is empty, the requested duration applies.
	NotAfter string
	// NotBeforeDuration is how far NotBefore is backdated. It is 0 for Vault before 1.9, which does not return it.
	NotBeforeDuration time.Duration
	// CNValidations are "hostname", "email" or "disabled". It is empty for Vault before 1.12, which behaves as with
	// the first two.
	CNValidations []string
	// GenerateLease attaches certificates to the token that requested them.
	GenerateLease bool
	IssuerRef     string // "default", or name or ID of an issuer; empty before Vault 1.11
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
	wildcards, known := data["allow_wildcard_certificates"].(bool)
	return &Role{
		Name: name, KeyType: text(data["key_type"]), KeyBits: int(number(data["key_bits"])),
		AllowedDomains: texts(data["allowed_domains"]), AllowSubdomains: is("allow_subdomains"),
		AllowBareDomains: is("allow_bare_domains"), AllowGlobDomains: is("allow_glob_domains"),
		AllowWildcards: wildcards || !known, AllowAnyName: is("allow_any_name"),
		AllowLocalhost: is("allow_localhost"), AllowIPSANs: is("allow_ip_sans"), EnforceHostnames: is("enforce_hostnames"),
		AllowedURISANs: texts(data["allowed_uri_sans"]), RequireCN: is("require_cn"),
		Templated: is("allowed_domains_template") || is("allow_token_displayname") || is("allowed_uri_sans_template"),
		MaxTTL:    time.Duration(number(data["max_ttl"])) * time.Second,
		NotAfter:  text(data["not_after"]), NotBeforeDuration: time.Duration(number(data["not_before_duration"])) * time.Second,
		CNValidations: texts(data["cn_validations"]), GenerateLease: is("generate_lease"),
		IssuerRef: text(data["issuer_ref"]),
	}
}
