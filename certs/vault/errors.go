// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"net/http"
)

// Kind says who can fix an error.
type Kind string

// The kinds. A transient error goes away by itself, so the call is worth repeating; a set-up error needs someone to
// change the issuer, Vault's roles and policies, or what lies between; a user error needs the certificate's spec to
// change, or the role to allow it.
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

// Error is every error of a Session's calls.
type Error struct {
	Op     string // "login", "renew", "sign", "issue", "health", "capabilities", "role", "ca", "revoke", "crl" or "kv"
	Status int    // HTTP status; 0 without an answer
	Kind   Kind
	// Message says what is wrong and, where that is known, how to fix it. It is stable and holds no secret: Vault's text
	// is cut to 300 bytes, and times, serials and addresses in it are left out.
	Message string

	cause error
	page  bool // what answered is not Vault's API
}

// Error is stable, see Message.
func (e *Error) Error() string { return "vault " + e.Op + ": " + e.Message }

// Unwrap gives the error of a context or of a JWT function, for errors.Is; nil for the rest.
func (e *Error) Unwrap() error { return e.cause }

// unanswered reports whether Vault gave no answer, for a reason that passes.
func (e *Error) unanswered() bool {
	return e.Status == 0 && e.Kind == Transient && !errors.Is(e.cause, errClosed)
}

// givenUp reports whether the caller ended the call.
func (e *Error) canceled() bool { return errors.Is(e.cause, context.Canceled) }

// absent reports whether Vault, or what lies before it, does not let the Session do something that it can do without.
func (e *Error) notPermitted() bool {
	return e.Op != opLogin && e.Kind == Setup && (e.page || e.Status == http.StatusForbidden)
}

// fault is an error of ours on the way to Vault, which classify turns into a set-up error, or into a transient one.
type fault struct {
	problem, fix string
	status       int  // of the response, where it matters
	transient    bool // by itself
	page         bool // see Error
}

func (f *fault) Error() string { return f.problem + ": " + f.fix }
