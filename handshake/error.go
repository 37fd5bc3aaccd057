// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
)

// Cause is the kind of an [Error].
type Cause string

// The causes.
const (
	Unreachable   Cause = "unreachable"    // nothing listens on the address, or its name cannot be resolved
	NotTLS        Cause = "not TLS"        // the server does not speak TLS
	NoCertificate Cause = "no certificate" // the server ended the handshake, usually because it has no certificate for the name
	TimedOut      Cause = "timed out"
	Failed        Cause = "failed" // anything else
)

// Error says why no certificate was received. Its text is the same for the same Cause, and omits that of Err.
type Error struct {
	Cause Cause
	// Alert is the TLS alert with which the server ended the handshake, or zero if there was none or it is unknown.
	Alert uint8
	Err   error
}

// Error returns a text that depends only on Cause.
func (e *Error) Error() string {
	switch e.Cause {
	case Unreachable:
		return "the TLS port cannot be reached"
	case NotTLS:
		return "the port does not speak TLS"
	case NoCertificate:
		return "the server ended the handshake"
	case TimedOut:
		return "the handshake timed out"
	}
	return "the handshake failed"
}

// Unwrap returns the error of package net or crypto/tls.
func (e *Error) Unwrap() error { return e.Err }

// errorOf classifies an error of a dialer, or of a handshake.
func errorOf(err error, dialing bool) *Error {
	e := &Error{Cause: Failed, Err: err}
	var network net.Error
	var operation *net.OpError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		e.Cause = NotTLS
	case errors.As(err, &alert):
		e.Cause, e.Alert = NoCertificate, uint8(alert)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		e.Cause = TimedOut
	case errors.As(err, &operation) && operation.Op == "remote error":
		e.Cause = NoCertificate
	case dialing:
		e.Cause = Unreachable
	}
	return e
}
