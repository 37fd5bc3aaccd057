// SPDX-License-Identifier: Apache-2.0

package vault

import "time"

// BusyError reports that a call was not made because it would have had to wait: the issuer's limits are reached, or
// Vault does not respond and another caller is probing it. It is not a failure. Retry at NotBefore.
type BusyError struct {
	// NotBefore is when to retry. A request to sign keeps its position in the queue until a minute after it.
	NotBefore time.Time
	// Cause is Vault's last failure to respond. It is nil if only limits are the reason.
	Cause *Error

	peek func() (time.Time, bool)
}

// StillBusy reports whether a request to sign still has to wait, and if so, when to retry. This is cheaper than
// calling Issue. If it returns false, call Issue.
func (e *BusyError) StillBusy() (notBefore time.Time, busy bool) {
	if e.peek == nil {
		return time.Time{}, false
	}
	return e.peek()
}

// Error returns a stable message.
func (e *BusyError) Error() string {
	if e.Cause != nil {
		return e.Cause.Error()
	}
	return "vault: the issuer's limits are reached"
}

// Unwrap returns Cause.
func (e *BusyError) Unwrap() error {
	if e.Cause == nil {
		return nil
	}
	return e.Cause
}
