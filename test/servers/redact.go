// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

func (v Vault) redacted() string { return "Vault at " + v.Address }

// Format prints the address alone, whatever the verb.
func (v Vault) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, v.redacted()) }

// MarshalJSON gives the address alone.
func (v Vault) MarshalJSON() ([]byte, error) { return json.Marshal(v.redacted()) }

// LogValue gives the address alone to log/slog.
func (v Vault) LogValue() slog.Value { return slog.StringValue(v.redacted()) }

// MarshalLog gives the address alone to logr.
func (v Vault) MarshalLog() any { return v.redacted() }

// Key is an admin key that prints as dots. string(key) is the key itself.
type Key string

const dots = "..."

// Format prints dots, whatever the verb.
func (Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, dots) }

// MarshalJSON gives dots.
func (Key) MarshalJSON() ([]byte, error) { return json.Marshal(dots) }

// LogValue gives dots to log/slog.
func (Key) LogValue() slog.Value { return slog.StringValue(dots) }

// MarshalLog gives dots to logr.
func (Key) MarshalLog() any { return dots }
