// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"net/http"
)

// Kind is the kind of an error. It says who can fix it.
type Kind string

// The kinds. A transient error goes away by itself, so retry the call. A setup error requires a change to the issuer, to
// Vault's roles and policies, or to a proxy. A user error requires a change to the certificate's spec or to the role.
const (
	Transient Kind = "Transient"
	Setup     Kind = "Setup"
	User      Kind = "User"
)

// The operations that Error.Op and Config.Observe name.
const (
	opLogin        = "login"
	opRenew        = "renew"
	opSign         = "sign"
	opIssue        = "issue"
	opHealth       = "health"
	opCapabilities = "capabilities"
	opRole         = "role"
	opCA           = "ca"
	opRevoke       = "revoke"
	opCRL          = "crl"
	opLogout       = "logout"
)

// Error is an error of a call to Vault. Except for *BusyError and errors of Request.CSR, all errors of a Session's
// calls are of this type.
type Error struct {
	Op     string // "login", "renew", "sign", "issue", "health", "capabilities", "role", "ca", "revoke", "crl" or "kv"
	Status int    // HTTP status; 0 without a response
	Kind   Kind
	// Message says what is wrong and, if known, how to fix it. It is stable and contains no secrets: Vault's text is
	// truncated to 300 bytes, and times, serial numbers and addresses are removed.
	Message string

	cause error
	page  bool // the response was a web page, not from Vault's API
}

// Error returns the operation and Message.
func (e *Error) Error() string { return "vault " + e.Op + ": " + e.Message }

// Unwrap returns the error of a context or of a JWT function, for errors.Is, and otherwise nil.
func (e *Error) Unwrap() error { return e.cause }

// unanswered reports whether Vault did not respond, for a transient reason.
func (e *Error) unanswered() bool {
	return e.Status == 0 && e.Kind == Transient && !errors.Is(e.cause, errClosed)
}

// canceled reports whether the caller canceled the call.
func (e *Error) canceled() bool { return errors.Is(e.cause, context.Canceled) }

// notPermitted reports whether Vault, or a proxy before it, denies an optional call.
func (e *Error) notPermitted() bool {
	return e.Op != opLogin && e.Kind == Setup && (e.page || e.Status == http.StatusForbidden)
}

// fault is an error found by the client, which classify converts to a setup error or a transient error.
type fault struct {
	problem, fix string
	status       int  // of the response; 0 if irrelevant
	transient    bool // goes away by itself
	page         bool // see Error
}

func (f *fault) Error() string { return f.problem + ": " + f.fix }
