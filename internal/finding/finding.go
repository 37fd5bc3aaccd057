// SPDX-License-Identifier: Apache-2.0

// Package finding has the value by which the rooms of the product say what they found in the way: the reason and the message
// of a condition.
//
//	return finding.New(v1alpha1.ReasonRefNotPermitted, "no ReferenceGrant lets namespace %s refer to Secret %s", from, name)
package finding

import "fmt"

// Finding is a reason and a message for a condition. It may be returned as an error; its text is stable, and holds no secret.
type Finding struct{ Reason, Message string }

// New is a finding with a formatted message.
func New(reason, format string, args ...any) *Finding {
	return &Finding{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func (f *Finding) Error() string { return f.Message }
