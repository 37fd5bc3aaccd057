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
