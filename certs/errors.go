// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"strings"
)

// FieldError is one thing that is wrong with a field and how to mend it.
type FieldError struct {
	Field   string // JSON path relative to the spec, as in "dnsNames[2]"
	Value   string // what stands there, cut to 80 characters; never a secret
	Problem string
	Fix     string // what to do
}

// Error is stable: it holds nothing but the fields.
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

// problem is what is wrong with a value and how to mend it.
type problem struct{ what, fix string }

func fieldError(field, value string, p problem) FieldError {
	return FieldError{Field: field, Value: truncate(value), Problem: p.what, Fix: p.fix}
}

// cut is what fits into a message of what a user wrote.
func truncate(value string) string {
	if len(value) > 80 {
		return strings.ToValidUTF8(value[:80], "") + "..."
	}
	return value
}

// ResponseError says why an issuer's answer must not replace what there is. Neither field holds a secret, time or serial.
type ResponseError struct {
	Problem string
	Fix     string // what to do at the issuer or in the spec
}

// Error is stable.
func (e *ResponseError) Error() string {
	return "the issuer's answer was not taken: " + e.Problem + ": " + e.Fix
}
