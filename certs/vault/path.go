// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/certs"
)

// rolePath is a parsed Config.Path.
type rolePath struct {
	mount  string // "pki", "team/pki"
	issuer string // of "<mount>/issuer/<ref>/sign/<role>"; empty for the role's own
	verb   string // "sign", "sign-verbatim" or "issue"
	role   string
}

func parsePath(path string) (rolePath, *certs.FieldError) {
	trimmed := strings.TrimPrefix(strings.Trim(path, "/"), "v1/")
	parts := strings.Split(trimmed, "/")
	bad := func(what, mend string) (rolePath, *certs.FieldError) {
		return rolePath{}, &certs.FieldError{Field: "path", Value: path, Problem: what, Mend: mend}
	}
	if slices.ContainsFunc(parts, badSegment) {
		return bad("has a segment that Vault does not know", "use letters, digits, dots, hyphens and underscores")
	}
	if len(parts) < 3 || !slices.Contains([]string{"sign", "sign-verbatim", "issue"}, parts[len(parts)-2]) {
		return bad("is not that of a PKI role", `write it as in "pki/sign/ROLE" or "pki/issue/ROLE"`)
	}
	p := rolePath{mount: strings.Join(parts[:len(parts)-2], "/"), verb: parts[len(parts)-2], role: parts[len(parts)-1]}
	if above := parts[:len(parts)-2]; len(above) > 2 && above[len(above)-2] == "issuer" {
		p.mount, p.issuer = strings.Join(above[:len(above)-2], "/"), above[len(above)-1]
	}
	return p, nil
}

func badSegment(s string) bool {
	return s == "" || s == "." || s == ".." || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`?#%\"`, r)
	})
}

// call is the path to sign or issue at.
func (p rolePath) call() string {
	if p.issuer != "" {
		return p.mount + "/issuer/" + p.issuer + "/" + p.verb + "/" + p.role
	}
	return p.mount + "/" + p.verb + "/" + p.role
}

func (p rolePath) makesKey() bool { return p.verb == "issue" }
