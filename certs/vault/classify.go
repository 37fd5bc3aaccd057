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
	"strings"
	"syscall"

	"github.com/hashicorp/vault/api"
)

// classify is the only function that sets the Kind of an error. err is not nil. An *Error is returned unchanged.
func classify(op string, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	var response *api.ResponseError
	if errors.As(err, &response) {
		return classifyResponse(op, response)
	}
	var wrong *fault
	if errors.As(err, &wrong) {
		kind := Setup
		if wrong.transient {
			kind = Transient
		}
		return &Error{Op: op, Status: wrong.status, Kind: kind, Message: wrong.Error(), page: wrong.page}
	}
	return classifyConnection(op, err)
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
		e.Message, e.cause = "the call was canceled", context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Message, e.cause = "timed out waiting for Vault", context.DeadlineExceeded
	case errors.As(err, &wrongName):
		setup("Vault's TLS certificate is for a different host: set serverName, or correct the host in server")
	case errors.As(err, &unknownCA):
		setup("Vault's TLS certificate is signed by an unknown CA: set caBundle")
	case errors.As(err, &invalid), errors.As(err, &verify):
		setup("Vault's TLS certificate is not valid: renew it, and check caBundle")
	case errors.As(err, &onTheWire) && onTheWire.Op == "remote error": // a TLS alert
		setup("Vault refused the TLS connection: check the client certificate")
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		setup("the server does not speak TLS: write http:// in server")
	case errors.As(err, &notJSON):
		setup("the response is not JSON: check that server is Vault's address")
	case errors.As(err, &notFound):
		e.Message = "the host of server cannot be resolved: check server"
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = "the connection to Vault was refused: check server, and that Vault is running"
	case errors.As(err, &networkLike) && networkLike.Timeout():
		e.Message = "timed out waiting for Vault"
	default:
		e.Message = "the connection to Vault failed"
	}
	return e
}

// denied reports whether Vault returned status 403.
func denied(err error) bool {
	var answered *api.ResponseError
	return errors.As(err, &answered) && answered.StatusCode == http.StatusForbidden
}

// tokenRefused reports whether Vault's error says that the token is unknown. Vault before 1.16 and OpenBao do not
// distinguish this from a policy.
func tokenRefused(err error) bool {
	var answered *api.ResponseError
	return denied(err) && errors.As(err, &answered) && strings.Contains(strings.Join(answered.Errors, " "), "invalid token")
}

// responded reports whether Vault, or a proxy before it, returned a response.
func responded(err error) bool {
	var refused *api.ResponseError
	return err == nil || errors.As(err, &refused)
}
