// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// String returns the type of the key and never its secret.
func (k Key) String() string {
	if k.IsZero() {
		return "no key"
	}
	spec := k.Spec()
	if spec.Size == 0 {
		return fmt.Sprintf("private key (%s)", spec.Algorithm)
	}
	return fmt.Sprintf("private key (%s %d)", spec.Algorithm, spec.Size)
}

// Format writes String for every verb, so that no fmt flag reveals the secret.
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// MarshalJSON returns String as JSON, so that a Key in a logged or stored object does not reveal the secret.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.String()) }

// LogValue returns String, for log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalLog returns String, for logr.
func (k Key) MarshalLog() any { return k.String() }
