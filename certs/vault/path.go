// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/certs"
)

// rolePath is a parsed Config.Path.
type rolePath struct {
	mount  string // such as "pki" or "team/pki"
	issuer string // of "<mount>/issuer/<ref>/sign/<role>"; empty for the issuer of the role
	verb   string // "sign", "sign-verbatim" or "issue"
	role   string // empty for "<mount>/sign-verbatim"
}

func parsePath(path string) (rolePath, *certs.FieldError) {
	trimmed := strings.TrimPrefix(strings.Trim(path, "/"), "v1/")
	parts := strings.Split(trimmed, "/")
	bad := func(what, fix string) (rolePath, *certs.FieldError) {
		return rolePath{}, &certs.FieldError{Field: "path", Value: path, Problem: what, Fix: fix}
	}
	if slices.ContainsFunc(parts, badSegment) {
		return bad("has an invalid segment", "use letters, digits, dots, hyphens and underscores")
	}
	last := len(parts) - 1
	var p rolePath
	switch {
	case last > 1 && slices.Contains([]string{"sign", "sign-verbatim", "issue"}, parts[last-1]):
		p.verb, p.role, parts = parts[last-1], parts[last], parts[:last-1]
	case last > 0 && parts[last] == "sign-verbatim":
		p.verb, parts = parts[last], parts[:last]
	default:
		return bad("is not that of a PKI role", `write it as in "pki/sign/ROLE" or "pki/issue/ROLE"`)
	}
	if n := len(parts); n > 2 && parts[n-2] == "issuer" {
		p.issuer, parts = parts[n-1], parts[:n-2]
	}
	p.mount = strings.Join(parts, "/")
	return p, nil
}

func badSegment(s string) bool {
	return s == "" || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`?#%\"`, r)
	})
}

// call returns the path to sign or issue at.
func (p rolePath) call() string {
	parts := []string{p.mount}
	if p.issuer != "" {
		parts = append(parts, "issuer", p.issuer)
	}
	parts = append(parts, p.verb)
	if p.role != "" {
		parts = append(parts, p.role)
	}
	return strings.Join(parts, "/")
}

func (p rolePath) makesKey() bool { return p.verb == "issue" }

func (p rolePath) verbatim() bool { return p.verb == "sign-verbatim" }
