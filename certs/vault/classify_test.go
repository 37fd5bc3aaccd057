// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// vaultResponses are error responses of a real Vault 1.21.4. TestRealVaultErrors gets them from one.
var vaultResponses = []struct {
	op     string
	status int
	text   string
	kind   Kind
	want   string // of the message
}{
	{opSign, 400, "common name www.example.com not allowed by this role", User, "common name www.example.com not allowed by this role: use names that the role allows"},
	{opSign, 400, "subject alternate name evil.example.com not allowed by this role", User, "subject alternate name evil.example.com not allowed"},
	{opSign, 400, "URI Subject Alternative Names are not allowed in this role, but were provided via the API", User, "allowed_uri_sans"},
	{opSign, 400, "IP Subject Alternative Names are not allowed in this role, but was provided some via CSR", User, "allow_ip_sans=true"},
	{opSign, 400, "role requires keys of type rsa", User, "set privateKey.algorithm: RSA, or the role's key_type=any"},
	{opSign, 400, "role requires keys of type ec", User, "set privateKey.algorithm: ECDSA, or the role's key_type=any"},
	{opSign, 400, "role requires keys of type ed25519", User, "set privateKey.algorithm: Ed25519, or the role's key_type=any"},
	{opSign, 400, "RSA keys < 2048 bits are unsafe and not supported", User, "privateKey.size: 2048"},
	{opSign, 400, "role requires a minimum of a 4096-bit key, but CSR's key is 2048 bits", User, "larger privateKey.size"},
	{opSign, 400, `the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false`, User, "set commonName"},
	{opSign, 400, `"csr" is empty`, User, "check the certificate's spec"},
	{opSign, 400, "csr contains no data", User, "check the certificate's spec"},
	{opSign, 400, "certificate request could not be parsed: asn1: structure error: tags don't match", User, "certificate request could not be parsed: the request is invalid"},
	{opSign, 400, "cannot satisfy request, as TTL would result in notAfter of 2036-01-02T03:04:05.123Z that is beyond the expiration of the CA certificate at 2026-01-02T03:04:05Z", Setup, "the certificate would expire after the CA: renew the CA"},
	{opSign, 400, "Either ttl or not_after should be provided. Both should not be provided in the same request.", Setup, "the role has not_after"},
	{opSign, 400, "notAfter before notBefore", Setup, "whether the CA has expired"},
	{opSign, 400, "notBefore before signer's notBefore", Setup, "not_before_duration"},
	{opSign, 400, "email address a@example.org not allowed by this role", User, "use names that the role allows"},
	{opSign, 400, "serial_number 1 not allowed by this role", User, "allowed_serial_numbers"},
	{opSign, 400, "user_id 1 is not allowed by this role", User, "allowed_user_ids"},
	{opSign, 400, "other SAN OID 1.2.3 not allowed by this role", User, "allowed_other_sans"},
	{opSign, 400, "URI Subject Alternative Names were provided via CSR which are not valid for this role", User, "allowed_uri_sans"},
	{opSign, 400, `Field validation failed: error converting input for field "ttl": time: invalid duration "x"`, User, "Vault could not read a field of the request"},
	{opSign, 400, "unknown role: nope", Setup, "unknown role: nope: check the role in the issuer's path"},
	{opIssue, 400, `role key type "any" not allowed for issuing certificates, only signing`, Setup, "use sign instead of issue"},
	{opSign, 403, "1 error occurred:\n\t* permission denied\n\n", Setup, "permission denied at pki/x: allow this path in the policy"},
	{opSign, 404, `no handler for route "pki_nope/sign/nope". route entry not found.`, Setup, "no secrets engine is mounted at pki/x: check the mount"},
	{opSign, 500, "1 error occurred:\n\t* could not fetch the CA certificate (was one set?): no default issuer currently configured\n\n", Setup, "the mount has no CA: "},
	{opSign, 500, "1 error occurred:\n\t* could not fetch the CA certificate (was one set?): unable to find PKI issuer for reference: nope\n\n", Setup, "the mount has no such issuer: "},
	{opSign, 500, "could not fetch the CA certificate (was one set?): something new", Setup, "Vault could not fetch the CA: "},
	{opSign, 500, "malformed JSON, unclosed containers", Setup, "requests to Vault"},
	{opSign, 403, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n", Setup, "the token is unknown to Vault or has expired"},
	{opSign, 403, "permission denied", Setup, "permission denied at pki/x"},
	{opRenew, 400, "lease is not renewable", Setup, "log in again"},
	{opSign, 503, "Vault is sealed", Transient, "Vault is sealed: unseal it"},
	{opSign, 429, `request path "pki/sign/any": rate limit quota exceeded`, Transient, "Vault's rate limit quota is exceeded"},
	{opLogin, 400, "invalid role or secret ID", Setup, "auth.appRole.roleId"},
	{opLogin, 500, "failed to determine alias name from login request", Setup, "one of them is empty"},
	{opLogin, 400, `invalid role name "nope"`, Setup, `invalid role name "nope": set the role in the issuer's auth`},
	{opLogin, 400, "missing jwt", Setup, "ServiceAccount"},
	{opLogin, 403, "permission denied", Setup, "Vault refused the login at pki/x: check the auth mount"},
	{opLogin, 400, "client certificate must be supplied", Setup, "auth.clientCertificate"},
	{opLogin, 403, "1 error occurred:\n\t* permission denied\n\n", Setup, "Vault refused the login"},
	{opSign, 400, "1 error occurred:\n\t* path disabled in replication DR secondary mode\n\n", Transient, "set server to the primary"},
	{opSign, 472, "", Transient, "unexpected response 472"},
	{opHealth, 501, "", Transient, "unexpected response 501 Not Implemented"},
	{opRevoke, 400, "certificate with serial 1a:2b:3c:4d:5e:6f:7a:8b:9c:0d not found.", User, "Vault does not know the certificate"},
	{opRevoke, 500, "unable to verify signature on presented cert from any present issuer in this mount; ...", User, "no CA of the mount signed the certificate"},

	// What is not in Vault's book goes by its status.
	{opSign, 400, "something new", User, "something new"},
	{opLogin, 400, "something new", Setup, "something new"},
	{opRole, 400, "something new", Setup, "something new"},
	{opSign, 405, "", Setup, "unexpected response 405 Method Not Allowed: check server"},
	{opSign, 412, "", Transient, "unexpected response 412 Precondition Failed"},
	{opSign, 473, "", Transient, ""},
	{opSign, 500, "something new", Transient, "something new"},
	{opSign, 502, "", Transient, "unexpected response 502 Bad Gateway"},
}

func TestClassify(t *testing.T) {
	for _, row := range vaultResponses {
		response := &api.ResponseError{StatusCode: row.status, URL: "https://vault.example:8200/v1/pki/x"}
		if row.text != "" {
			response.Errors = []string{row.text}
		}
		e := classify(row.op, fmt.Errorf("wrapped: %w", response))
		if e.Kind != row.kind || e.Status != row.status || e.Op != row.op || !strings.Contains(e.Message, row.want) {
			t.Errorf("%s %d %q\n got  %s, %q\n want %s, %q", row.op, row.status, row.text, e.Kind, e.Message, row.kind, row.want)
		}
	}
}

func TestClassifyContext(t *testing.T) {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if e := classify(opSign, fmt.Errorf("call: %w", cause)); e.Kind != Transient || e.Unwrap() != cause {
			t.Errorf("%v: %s, cause %v", cause, e.Kind, e.Unwrap())
		}
	}
}

func TestClean(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"1 error occurred:\n\t* no\n\n", "1 error occurred: * no"},
		{"a\x00b\x1b[31mc\u2028d\xff", "a b [31mc d"},
		{"a\u009b31mb\u0085c\u202ed\u2066e\u200bf", "a 31mb c d e f"},
		{"until 2026-01-02T03:04:05.123456Z or 2026-01-02 03:04:05 +0000 UTC", "until ... or ..."},
		{"serial 1a:2b:3c:4d:5e:6f:7a:8b:9c:0d is", "serial ... is"},
		{"request 0d9c3b1e-4c5f-4f4e-8a8b-0123456789ab", "request ..."},
		{"read tcp 10.0.0.7:53422->10.0.0.1:8200: reset", "read tcp ...->...: reset"},
		{"token hvs.CAESIJ0123456789abcdefghij and s.0123456789abcdefghijklmn", "token [redacted] and [redacted]"},
		{"jwt eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl end", "jwt [redacted] end"},
		{"key -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- end", "key [redacted] end"},
		{"key -----BEGIN PRIVATE KEY-----\nMIIE", "key [redacted]"},
		{strings.Repeat("ü", 400), strings.Repeat("ü", 150) + "..."},
	} {
		if got := clean(row.text); got != row.want {
			t.Errorf("clean(%q)\n got  %q\n want %q", row.text, got, row.want)
		}
	}
}
