// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Secret is a text that nobody should read in a log: it shows "[redacted]" under fmt, JSON and structured logs. The
// zero value is empty. Copies share the text, which never changes.
type Secret struct {
	// The pointer keeps fmt out even where a Secret lies in an unexported field, which fmt prints without asking its methods.
	text *string
}

// NewSecret keeps text, less the white space around it, which Secrets made with an editor often have.
func NewSecret(text string) Secret {
	text = strings.TrimSpace(text)
	return Secret{&text}
}

// Reveal is the text itself: never print it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero tells whether there is no text.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String is "[redacted]", or empty when there is no text.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format writes String for every verb, so that no flag of fmt reaches the text.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalJSON writes String.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalLog is String, for logr.
func (s Secret) MarshalLog() any { return s.String() }
