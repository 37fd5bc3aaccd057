// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

// knownError is an error text of Vault and how to fix the error. Rows without op apply to every operation.
type knownError struct {
	op      string // of Error.Op; empty for all
	status  int    // 0 for all
	text    string // substring of Vault's message; empty for any
	kind    Kind
	summary string // replaces Vault's text if that is unstable or unclear; empty keeps it
	fix     string
}

const (
	fixNames = "use names that the role allows, or change its allowed_domains, allow_subdomains, allow_bare_domains (for the domain itself), allow_wildcard_certificates or allow_glob_domains"
	fixCSR   = "the request is invalid: check the certificate's spec"
	fixCA    = "check that the mount has a CA and that the role's issuer_ref names one of its issuers"
)

// knownErrors are error responses of Vault 1.21 to common mistakes. The first match applies.
var knownErrors = []knownError{
	{text: "invalid token", status: 403, kind: Setup, summary: "the token is unknown to Vault or has expired", fix: "configure a valid token, and check that server is the address of a single Vault cluster"},

	{op: opLogin, text: "invalid role or secret ID", kind: Setup, fix: "check auth.appRole.roleId and the secret ID, which may have expired or reached its use limit"},
	{op: opLogin, text: "invalid role name", kind: Setup, fix: "set the role in the issuer's auth to one that exists in Vault's auth mount"},
	{op: opLogin, text: "invalid audience (aud) claim", kind: Setup, summary: "the token's audience does not match the auth role's", fix: "set the role's audience to vault://NAMESPACE/ISSUER (vault://ISSUER for a ClusterVaultIssuer), or allow the role's audience with --vault-audiences and add it to serviceAccountRef.audiences"},
	{op: opLogin, text: "missing jwt", kind: Setup, fix: "check the Secret or ServiceAccount in the issuer's auth"},
	{op: opLogin, text: "client certificate must be supplied", kind: Setup, fix: "check auth.clientCertificate, and that nothing before Vault terminates TLS"},
	{op: opLogin, text: "failed to determine alias name", kind: Setup, fix: "check auth.appRole.roleId and the secret ID: one of them is empty"},
	{op: opLogin, text: "permission denied", status: 403, kind: Setup, summary: "Vault refused the login", fix: "check the auth mount, the role and its bound service account, namespace and audience, and that Vault can reach the API server"},
	{text: "permission denied", status: 403, kind: Setup, summary: "permission denied", fix: "allow this path in the policy of the issuer's token, and check that the mount and the role exist and that a token from a Secret has not expired"},
	{text: "no handler for route", status: 404, kind: Setup, summary: "no secrets engine is mounted", fix: "check the mount in the issuer's path and the namespace"},
	{op: opRole, status: 404, kind: Setup, summary: "unknown role", fix: "check the role in the issuer's path"},
	{text: "unknown role", kind: Setup, fix: "check the role in the issuer's path"},
	{text: `role key type "any" not allowed for issuing`, kind: Setup, fix: "use sign instead of issue in the issuer's path, or give the role a key_type"},
	{text: "lease is not renewable", kind: Setup, fix: "log in again"},

	{text: "serial_number", kind: User, fix: "remove subject.serialNumber, or add it to the role's allowed_serial_numbers"},
	{text: "user_id", kind: User, fix: "remove the user ID, or add it to the role's allowed_user_ids"},
	{text: "other SAN", kind: User, fix: "remove otherNames, or add them to the role's allowed_other_sans"},
	{text: "not allowed by this role", kind: User, fix: fixNames},
	{text: "URI Subject Alternative Names", kind: User, fix: "remove uris, or set the role's allowed_uri_sans"},
	{text: "IP Subject Alternative Names", kind: User, fix: "remove ipAddresses, or set the role's allow_ip_sans=true"},
	{text: "role requires keys of type rsa", kind: User, fix: "set privateKey.algorithm: RSA, or the role's key_type=any"},
	{text: "role requires keys of type ec", kind: User, fix: "set privateKey.algorithm: ECDSA, or the role's key_type=any"},
	{text: "role requires keys of type ed25519", kind: User, fix: "set privateKey.algorithm: Ed25519, or the role's key_type=any"},
	{text: "RSA keys < 2048 bits", kind: User, fix: "set privateKey.size: 2048 or more"},
	{text: "role requires a minimum of", kind: User, fix: "set a larger privateKey.size, or smaller key_bits in the role"},
	{text: "the common_name field is required", kind: User, fix: "set commonName, or the role's require_cn=false"},
	{text: `"csr" is empty`, kind: User, fix: fixCSR},
	{text: "csr contains no data", kind: User, fix: fixCSR},
	{text: "certificate request could not be parsed", kind: User, summary: "certificate request could not be parsed", fix: fixCSR},
	{text: "beyond the expiration of the CA certificate", kind: Setup, summary: "the certificate would expire after the CA", fix: "renew the CA, request a shorter duration, or set the CA's leaf_not_after_behavior"},
	{text: "Either ttl or not_after should be provided", kind: Setup, summary: "the role has not_after, which cannot be combined with a duration", fix: "allow the issuer's policy to read the role, or remove not_after from it"},
	{text: "notAfter before notBefore", kind: Setup, summary: "the certificate would expire before it becomes valid", fix: "check not_after and not_before_duration of the role, and whether the CA has expired"},
	{text: "notBefore before signer's notBefore", kind: Setup, summary: "the certificate would become valid before the CA", fix: "lower not_before_duration of the role"},
	{text: "Field validation failed", kind: User, summary: "Vault could not read a field of the request", fix: "check the certificate's spec, above all duration"},

	{op: opRevoke, text: "not found", kind: User, summary: "Vault does not know the certificate", fix: "it was issued elsewhere or tidied, so there is nothing to revoke"},
	{op: opRevoke, text: "unable to verify signature on presented cert", kind: User, summary: "no CA of the mount signed the certificate", fix: "it was issued elsewhere, or the CA was deleted, so there is nothing to revoke"},

	{text: "no default issuer currently configured", kind: Setup, summary: "the mount has no CA", fix: fixCA},
	{text: "unable to find PKI issuer for reference", kind: Setup, summary: "the mount has no such issuer", fix: fixCA},
	{text: "was one set?", kind: Setup, summary: "Vault could not fetch the CA", fix: fixCA},
	{text: "malformed JSON", kind: Setup, fix: "check whether a proxy changes requests to Vault"},
	{text: "Client sent an HTTP request to an HTTPS server", kind: Setup, fix: "write https:// in server"},
	{text: "path disabled in replication DR secondary mode", kind: Transient, summary: "the Vault at server is a disaster recovery secondary", fix: "if this persists, set server to the primary"},
	{text: "Vault is sealed", status: 503, kind: Transient, summary: "Vault is sealed", fix: "unseal it"},
	{text: "rate limit quota exceeded", status: 429, kind: Transient, summary: "Vault's rate limit quota is exceeded", fix: "set limits in the issuer, or raise the quota"},
}

func classifyResponse(op string, response *api.ResponseError) *Error {
	text := strings.Join(response.Errors, "; ")
	e := &Error{Op: op, Status: response.StatusCode}
	for _, row := range knownErrors {
		fits := (row.op == "" || row.op == op) && (row.status == 0 || row.status == e.Status)
		if fits && strings.Contains(text, row.text) {
			e.Kind, e.Message = row.kind, row.message(response, text)
			return e
		}
	}
	e.Kind = kindOf(op, e.Status)
	e.Message = clean(text)
	// A text that is not JSON is not from Vault and would be misleading.
	if response.RawError || e.Message == "" {
		e.Message = strings.TrimSpace(fmt.Sprintf("unexpected response %d %s", e.Status, http.StatusText(e.Status)))
		if e.Kind == Setup {
			e.Message += ": check server, path and namespace of the issuer"
		}
	}
	return e
}

func (row knownError) message(response *api.ResponseError, text string) string {
	said := row.summary
	if said == "" {
		said = clean(text)
	}
	// For errors 403 and 404 the path is the most useful information.
	if response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusNotFound {
		if _, path, found := strings.Cut(response.URL, "/v1/"); found {
			said += " at " + clean(path)
		}
	}
	return said + ": " + row.fix
}
