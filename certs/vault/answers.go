// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

// knownAnswer is one of Vault's own texts and what to do about it. Rows without op hold for any.
type knownAnswer struct {
	op     string // of Error.Op; empty for all
	status int    // 0 for all
	text   string // part of Vault's message; empty for any
	kind   Kind
	say    string // instead of Vault's text, where that is not stable or not plain; empty keeps it
	mend   string
}

const (
	mendNames = "use names that the role allows, or change its allowed_domains, allow_subdomains, allow_bare_domains (for the domain itself), allow_wildcard_certificates or allow_glob_domains"
	mendCSR   = "this is a fault of the request: check the certificate's spec"
	mendCA    = "check that the mount has a CA and that the role's issuer_ref names one of its issuers"
)

// knownAnswers are the answers of Vault 1.21 to what people get wrong; the first that fits counts.
var knownAnswers = []knownAnswer{
	{text: "invalid token", status: 403, kind: Setup, say: "the token is unknown to Vault or has expired", mend: "give the issuer a valid token, and check that one Vault alone answers at server"},

	{op: opLogin, text: "invalid role or secret ID", kind: Setup, mend: "check auth.appRole.roleId and the secret id, which may have expired or been used up"},
	{op: opLogin, text: "invalid role name", kind: Setup, mend: "set the role of the issuer's auth to one that exists in Vault's auth mount"},
	{op: opLogin, text: "invalid audience (aud) claim", kind: Setup, say: "the token is for another audience than the auth role's", mend: "write vault://NAMESPACE/ISSUER in the role's audience (of a cluster-wide issuer vault://ISSUER), or allow the role's by --vault-audiences and write it in serviceAccountRef.audiences"},
	{op: opLogin, text: "missing jwt", kind: Setup, mend: "check the Secret or ServiceAccount that the issuer's auth names"},
	{op: opLogin, text: "client certificate must be supplied", kind: Setup, mend: "check auth.clientCertificate, and that TLS ends at Vault and not before it"},
	{op: opLogin, text: "failed to determine alias name", kind: Setup, mend: "check auth.appRole.roleId and the secret id: one is empty"},
	{op: opLogin, text: "permission denied", status: 403, kind: Setup, say: "Vault refused the login", mend: "check the auth mount, the role and what it is bound to (service account, namespace, audience), and that Vault reaches the API server"},
	{text: "permission denied", status: 403, kind: Setup, say: "permission denied", mend: "let the policy of the issuer's token allow this path, and check that mount and role exist and that a token from a Secret has not expired"},
	{text: "no handler for route", status: 404, kind: Setup, say: "there is no mount", mend: "check the mount in the issuer's path, and the namespace"},
	{op: opRole, status: 404, kind: Setup, say: "unknown role", mend: "check the role in the issuer's path"},
	{text: "unknown role", kind: Setup, mend: "check the role in the issuer's path"},
	{text: `role key type "any" not allowed for issuing`, kind: Setup, mend: "use sign instead of issue in the issuer's path, or give the role a key_type"},
	{text: "lease is not renewable", kind: Setup, mend: "log in again"},

	{text: "serial_number", kind: User, mend: "drop subject.serialNumber, or add it to the role's allowed_serial_numbers"},
	{text: "user_id", kind: User, mend: "drop the user id, or add it to the role's allowed_user_ids"},
	{text: "other SAN", kind: User, mend: "drop otherNames, or add them to the role's allowed_other_sans"},
	{text: "not allowed by this role", kind: User, mend: mendNames},
	{text: "URI Subject Alternative Names", kind: User, mend: "drop uris, or set the role's allowed_uri_sans"},
	{text: "IP Subject Alternative Names", kind: User, mend: "drop ipAddresses, or set the role's allow_ip_sans=true"},
	{text: "role requires keys of type rsa", kind: User, mend: "set privateKey.algorithm: RSA, or the role's key_type=any"},
	{text: "role requires keys of type ec", kind: User, mend: "set privateKey.algorithm: ECDSA, or the role's key_type=any"},
	{text: "role requires keys of type ed25519", kind: User, mend: "set privateKey.algorithm: Ed25519, or the role's key_type=any"},
	{text: "RSA keys < 2048 bits", kind: User, mend: "set privateKey.size: 2048 or more"},
	{text: "role requires a minimum of", kind: User, mend: "set a greater privateKey.size, or a smaller key_bits in the role"},
	{text: "the common_name field is required", kind: User, mend: "set commonName, or the role's require_cn=false"},
	{text: `"csr" is empty`, kind: User, mend: mendCSR},
	{text: "csr contains no data", kind: User, mend: mendCSR},
	{text: "certificate request could not be parsed", kind: User, say: "certificate request could not be parsed", mend: mendCSR},
	{text: "beyond the expiration of the CA certificate", kind: Setup, say: "the certificate would end after the CA", mend: "renew the CA, ask for a shorter duration, or set the CA's leaf_not_after_behavior"},
	{text: "Either ttl or not_after should be provided", kind: Setup, say: "the role has a not_after, which takes no duration", mend: "let the issuer's policy read the role, or take not_after out of it"},
	{text: "notAfter before notBefore", kind: Setup, say: "the certificate would end before it begins", mend: "check not_after and not_before_duration of the role, and whether the CA has expired"},
	{text: "notBefore before signer's notBefore", kind: Setup, say: "the certificate would begin before the CA", mend: "lower not_before_duration of the role"},
	{text: "Field validation failed", kind: User, say: "Vault could not read a field of the request", mend: "check the certificate's spec, above all duration"},

	{op: opRevoke, text: "not found", kind: User, say: "Vault does not know the certificate", mend: "it was issued elsewhere or tidied away: nothing is left to revoke"},
	{op: opRevoke, text: "unable to verify signature on presented cert", kind: User, say: "no CA of the mount signed the certificate", mend: "it was issued elsewhere, or the CA is gone: nothing is left to revoke"},

	{text: "no default issuer currently configured", kind: Setup, say: "the mount has no CA", mend: mendCA},
	{text: "unable to find PKI issuer for reference", kind: Setup, say: "the mount has no such issuer", mend: mendCA},
	{text: "was one set?", kind: Setup, say: "Vault could not fetch the CA", mend: mendCA},
	{text: "malformed JSON", kind: Setup, mend: "check what changes requests on the way to Vault"},
	{text: "Client sent an HTTP request to an HTTPS server", kind: Setup, mend: "write https:// in server"},
	{text: "path disabled in replication DR secondary mode", kind: Transient, say: "the Vault at server is a disaster recovery secondary", mend: "if this lasts, name the primary in server"},
	{text: "Vault is sealed", status: 503, kind: Transient, say: "Vault is sealed", mend: "unseal it"},
	{text: "rate limit quota exceeded", status: 429, kind: Transient, say: "Vault's rate limit quota is exceeded", mend: "set limits in the issuer, or raise the quota"},
}

func classifyAnswer(op string, answer *api.ResponseError) *Error {
	text := strings.Join(answer.Errors, "; ")
	e := &Error{Op: op, Status: answer.StatusCode}
	for _, row := range knownAnswers {
		fits := (row.op == "" || row.op == op) && (row.status == 0 || row.status == e.Status)
		if fits && strings.Contains(text, row.text) {
			e.Kind, e.Message = row.kind, row.message(answer, text)
			return e
		}
	}
	e.Kind = kindOf(op, e.Status)
	e.Message = clean(text)
	// What is not JSON is not Vault's, so its text would only mislead.
	if answer.RawError || e.Message == "" {
		e.Message = "the response was " + http.StatusText(e.Status)
		if e.Kind == Setup {
			e.Message += ": check server, path and namespace of the issuer"
		}
	}
	return e
}

func (row knownAnswer) message(answer *api.ResponseError, text string) string {
	said := row.say
	if said == "" {
		said = clean(text)
	}
	// Which path it was is what helps where something is forbidden or not there.
	if answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusNotFound {
		if _, path, found := strings.Cut(answer.URL, "/v1/"); found {
			said += " at " + clean(path)
		}
	}
	return said + ": " + row.mend
}
