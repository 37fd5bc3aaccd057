// SPDX-License-Identifier: Apache-2.0

package vault

import "time"

// BusyError says that a call was not made, for it would have had to wait: the issuer's limits leave no turn now, or Vault
// does not answer and another caller is trying already. It is no failure: come again at NotBefore.
type BusyError struct {
	// NotBefore is when to come again. A request to sign keeps its place in the line until then, and a minute longer.
	NotBefore time.Time
	// Cause is why Vault is not called: its last failure to answer. It is nil where limits alone are the reason.
	Cause *Error

	peek func() (time.Time, bool)
}

// Still reports whether a request to sign has no turn yet, and when to come again then, which is cheaper than to prepare the
// request and to be refused. False means that it is worth a try.
func (e *BusyError) StillBusy() (notBefore time.Time, busy bool) {
	if e.peek == nil {
		return time.Time{}, false
	}
	return e.peek()
}

// Error is stable.
func (e *BusyError) Error() string {
	if e.Cause != nil {
		return e.Cause.Error()
	}
	return "vault: the issuer's limits are reached"
}

// Unwrap gives Cause.
func (e *BusyError) Unwrap() error {
	if e.Cause == nil {
		return nil
	}
	return e.Cause
}
