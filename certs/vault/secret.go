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

// Secret is a text that must not be logged. It is shown as "[redacted]" under fmt, JSON and structured logs. The zero
// value is empty. A Secret is immutable, and copies share the text.
type Secret struct {
	// The pointer hides the text from fmt even if a Secret is in an unexported field, which fmt prints without
	// calling its methods.
	text *string
}

// NewSecret returns a Secret with text. It trims white space, which Secrets written with an editor often have.
func NewSecret(text string) Secret {
	text = strings.TrimSpace(text)
	return Secret{&text}
}

// Reveal returns the text itself: never print it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the text is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String returns "[redacted]", or an empty string if the text is empty.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format writes String for every verb, so that no fmt flag reveals the text.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalJSON returns String as JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue returns String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalLog returns String, for logr.
func (s Secret) MarshalLog() any { return s.String() }
