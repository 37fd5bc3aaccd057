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

// Causes.
const (
	Unreachable   Cause = "unreachable"    // nothing listens at the address, or its name is not known
	NotTLS        Cause = "not TLS"        // something else than TLS is spoken there
	NoCertificate Cause = "no certificate" // the server ended the handshake, mostly for want of a certificate for the name
	TimedOut      Cause = "timed out"
	Failed        Cause = "failed" // anything else
)

// Error is why no certificate was seen. Its text has nothing that changes from one attempt to the next, but for that of
// Err, which it leaves out.
type Error struct {
	Cause Cause
	// Alert is the TLS alert with which the server ended the handshake; zero: there was none that can be told.
	Alert uint8
	Err   error
}

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

// Unwrap gives the error of the net or crypto/tls package.
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
