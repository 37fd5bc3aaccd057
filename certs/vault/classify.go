// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"

	"github.com/hashicorp/vault/api"
)

// classify is the only place that gives errors their Kind. err is not nil; an *Error stays as it is.
func classify(op string, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var answered *api.ResponseError
	if errors.As(err, &answered) {
		return classifyAnswer(op, answered)
	}
	var wrong *fault
	if errors.As(err, &wrong) {
		return &Error{Op: op, Kind: Setup, Message: wrong.Error()}
	}
	return classifyConnection(op, err)
}

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
	{text: "invalid token", status: 403, kind: Setup, say: "the token is unknown to Vault or has expired", mend: "give the issuer a valid token"},

	{op: opLogin, text: "invalid role or secret ID", kind: Setup, mend: "check auth.appRole.roleId and the secret id, which may have expired or been used up"},
	{op: opLogin, text: "invalid role name", kind: Setup, mend: "set the role of the issuer's auth to one that exists in Vault's auth mount"},
	{op: opLogin, text: "missing jwt", kind: Setup, mend: "check the Secret or ServiceAccount that the issuer's auth names"},
	{op: opLogin, text: "client certificate must be supplied", kind: Setup, mend: "check auth.clientCertificate, and that TLS ends at Vault and not before it"},
	{op: opLogin, text: "failed to determine alias name", kind: Setup, mend: "check auth.appRole.roleId and the secret id: one is empty"},
	{op: opLogin, text: "permission denied", status: 403, kind: Setup, say: "Vault refused the login", mend: "check the auth mount, the role and what it is bound to (service account, namespace, audience), and that Vault reaches the API server"},
	{text: "permission denied", status: 403, kind: Setup, say: "permission denied", mend: "let the policy of the issuer's token allow this path, and check that mount and role exist"},
	{text: "no handler for route", status: 404, kind: Setup, say: "there is no mount", mend: "check the mount in the issuer's path, and the namespace"},
	{op: opRole, status: 404, kind: Setup, say: "unknown role", mend: "check the role in the issuer's path"},
	{text: "unknown role", kind: Setup, mend: "check the role in the issuer's path"},
	{text: `role key type "any" not allowed for issuing`, kind: Setup, mend: "use sign instead of issue in the issuer's path, or give the role a key_type"},
	{text: "lease is not renewable", kind: Setup, mend: "log in again"},

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
	{text: "Either ttl or not_after should be provided", kind: User, mend: "check duration, and not_after in the role"},
	{text: "Field validation failed", kind: User, say: "Vault could not read a field of the request", mend: "check the certificate's spec, above all duration"},

	{op: opRevoke, text: "not found", kind: User, say: "Vault does not know the certificate", mend: "it was issued elsewhere or tidied away: nothing is left to revoke"},
	{op: opRevoke, text: "unable to verify signature on presented cert", kind: User, say: "no CA of the mount signed the certificate", mend: "it was issued elsewhere, or the CA is gone: nothing is left to revoke"},

	{text: "no default issuer currently configured", kind: Setup, say: "the mount has no CA", mend: mendCA},
	{text: "unable to find PKI issuer for reference", kind: Setup, say: "the mount has no such issuer", mend: mendCA},
	{text: "was one set?", kind: Setup, say: "Vault could not fetch the CA", mend: mendCA},
	{text: "malformed JSON", kind: Setup, mend: "check what changes requests on the way to Vault"},
	{text: "Client sent an HTTP request to an HTTPS server", kind: Setup, mend: "write https:// in server"},
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
		e.Message = "the answer was " + http.StatusText(e.Status)
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

func kindOf(op string, status int) Kind {
	switch {
	case status >= 500, status == 408, status == 412, status == 425, status == 429, status == 472, status == 473:
		return Transient
	case status == 400 && (op == opSign || op == opIssue || op == opRevoke):
		return User
	}
	return Setup
}

func classifyConnection(op string, err error) *Error {
	e := &Error{Op: op, Kind: Transient}
	var (
		unknownCA   x509.UnknownAuthorityError
		wrongName   x509.HostnameError
		invalid     x509.CertificateInvalidError
		verify      *tls.CertificateVerificationError
		onTheWire   *net.OpError
		notTLS      tls.RecordHeaderError
		notFound    *net.DNSError
		networkLike net.Error
		notJSON     *json.SyntaxError
	)
	setup := func(message string) { e.Kind, e.Message = Setup, message }
	switch {
	case errors.Is(err, context.Canceled):
		e.Message, e.cause = "the call was given up", context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Message, e.cause = "Vault did not answer in time", context.DeadlineExceeded
	case errors.As(err, &wrongName):
		setup("Vault's TLS certificate is for another host: set serverName, or the host in server")
	case errors.As(err, &unknownCA):
		setup("Vault's TLS certificate is signed by an unknown CA: set caBundle")
	case errors.As(err, &invalid), errors.As(err, &verify):
		setup("Vault's TLS certificate is not valid: renew it, and check caBundle")
	case errors.As(err, &onTheWire) && onTheWire.Op == "remote error": // a TLS alert
		setup("Vault refused the TLS connection: check the client certificate")
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		setup("the server does not speak TLS: write http:// in server")
	case errors.As(err, &notJSON):
		setup("the answer is not JSON: check that server is Vault's address")
	case errors.As(err, &notFound):
		e.Message = "the host of server cannot be resolved: check server"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = "the connection to Vault was refused: check server, and that Vault runs"
	case errors.As(err, &networkLike) && networkLike.Timeout():
		e.Message = "Vault did not answer in time"
	default:
		e.Message = "the connection to Vault failed"
	}
	return e
}

// denied tells whether Vault answered 403.
func denied(err error) bool {
	var answered *api.ResponseError
	return errors.As(err, &answered) && answered.StatusCode == http.StatusForbidden
}

// tokenRefused tells a token that Vault does not know from one that may not do something.
func tokenRefused(err error) bool {
	var answered *api.ResponseError
	return denied(err) && errors.As(err, &answered) && strings.Contains(strings.Join(answered.Errors, " "), "invalid token")
}

const maxText = 300

var (
	unstable = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*( [+-]\d{4})?( [A-Z]{3,4})?` + // times
		`|([0-9A-Fa-f]{2}[:-]){7,}[0-9A-Fa-f]{2}` + // serials
		`|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}` + // request and accessor ids
		`|\d{1,3}(\.\d{1,3}){3}:\d+`) // addresses with a port
	secretLike = regexp.MustCompile(`(?s)-----BEGIN.*?(-----END[^-]*-----|$)` + // PEM
		`|\b(hv[sbr]|s|b|r)\.[A-Za-z0-9_-]{20,}` + // Vault tokens
		`|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`) // JWTs
)

// clean makes a text of Vault's fit for an object's status: one line, stable, without secrets, of at most maxText bytes.
func clean(text string) string {
	text = secretLike.ReplaceAllString(text, redacted)
	text = unstable.ReplaceAllString(text, "...")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
