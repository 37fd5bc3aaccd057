// SPDX-License-Identifier: Apache-2.0

// Package finding has the value with which packages report what prevents a certificate: reason and message of a condition.
//
//	return finding.New(v1alpha1.ReasonRefNotPermitted, "no ReferenceGrant allows namespace %s to refer to Secret %s", from, name)
package finding

import "fmt"

// Finding is a reason and a message for a condition. It can be returned as an error. Its text is stable and contains no
// secrets.
type Finding struct{ Reason, Message string }

// New returns a Finding with a formatted message.
func New(reason, format string, args ...any) *Finding {
	return &Finding{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func (f *Finding) Error() string { return f.Message }
