// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
)

// stableCause returns a text for a network error that is the same for each attempt that fails for the same reason. The text
// of Go contains the client's port, or the current time where a certificate has expired.
func stableCause(err error) string {
	switch {
	case err == nil:
		return "no response"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before the end of the response"
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return "the Admin API's certificate has expired or is not yet valid"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "looking up " + dns.Name + ": " + dns.Err
	}
	return innermost(err)
}

// innermost returns the text of an error without the wrappers that contain addresses.
func innermost(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Op + ": " + op.Err.Error()
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return verification.Err.Error()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err.Error()
	}
	return err.Error()
}
