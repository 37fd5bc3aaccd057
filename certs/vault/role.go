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
	AllowedURISANs   []string
	RequireCN        bool
	// Templated: names are allowed by the token's identity too, so nothing can be said about them here.
	Templated bool
	MaxTTL    time.Duration // 0 for the mount's
	IssuerRef string        // "default" or an issuer's name or id
}

func (s *Session) rolePath() string { return s.path.mount + "/roles/" + s.path.role }

// role is nil where the token may not read it.
func (s *Session) role(ctx context.Context) (*Role, error) {
	var secret *api.Secret
	err := s.call(ctx, opRole, func(ctx context.Context, client *api.Client) (err error) {
		secret, err = read(ctx, client, s.rolePath())
		return err
	})
	if unknown(err) {
		return nil, nil
	}
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
		AllowLocalhost: is("allow_localhost"), AllowIPSANs: is("allow_ip_sans"),
		AllowedURISANs: texts(data["allowed_uri_sans"]), RequireCN: is("require_cn"),
		Templated: is("allowed_domains_template") || is("allow_token_displayname") || is("allowed_uri_sans_template"),
		MaxTTL:    time.Duration(number(data["max_ttl"])) * time.Second,
		IssuerRef: text(data["issuer_ref"]),
	}
}
