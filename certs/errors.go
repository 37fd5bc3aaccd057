// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"strings"
)

// FieldError describes an invalid field and how to fix it.
type FieldError struct {
	Field   string // JSON path relative to the spec, as in "dnsNames[2]"
	Value   string // the value, truncated to 80 bytes; never a secret
	Problem string
	Fix     string // how to fix it
}

// Error returns a stable message that depends only on the fields.
func (e FieldError) Error() string {
	text := e.Field
	if e.Value != "" {
		text += fmt.Sprintf(" %q", e.Value)
	}
	text += " " + e.Problem
	if e.Fix != "" {
		text += ": " + e.Fix
	}
	return text
}

// problem describes an invalid value and how to fix it.
type problem struct{ what, fix string }

func fieldError(field, value string, p problem) FieldError {
	return FieldError{Field: field, Value: truncate(value), Problem: p.what, Fix: p.fix}
}

// truncate limits a value written by a user for use in a message.
func truncate(value string) string {
	if len(value) > 80 {
		return strings.ToValidUTF8(value[:80], "") + "..."
	}
	return value
}

// ResponseError says why an issuer's response was rejected. Its fields contain no secrets, times or serial numbers.
type ResponseError struct {
	Problem string
	Fix     string // what to change in the issuer or in the spec
}

// Error returns a stable message that depends only on the fields.
func (e *ResponseError) Error() string {
	return "issuer response rejected: " + e.Problem + ": " + e.Fix
}
