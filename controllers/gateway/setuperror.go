// SPDX-License-Identifier: Apache-2.0

package gateway

import "strings"

// SetupError says what keeps a gateway from being used until somebody mends it. Its text is stable and holds no key.
type SetupError struct {
	// Object is the one to mend, such as "GatewayProxy apisix/config", or a flag with its value.
	Object string
	// Field of the object; empty for the object as a whole.
	Field string
	// Problem says what is wrong and how to mend it.
	Problem string
}

func (e *SetupError) Error() string {
	parts := []string{e.Object, e.Field, e.Problem}
	if e.Field == "" {
		parts = []string{e.Object, e.Problem}
	}
	return strings.Join(parts, ": ")
}

// ModeError says that the mode asked for cannot work at this gateway.
type ModeError struct {
	Mode    Mode
	Problem string
}

func (e *ModeError) Error() string { return "push mode " + string(e.Mode) + ": " + e.Problem }
