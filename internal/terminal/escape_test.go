// SPDX-License-Identifier: Apache-2.0

package terminal

import "testing"

// An object cannot control the terminal of a user who reads it.
func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"shop.example.com":         "shop.example.com",
		"\x1b]0;owned\x07\x1b[2Jx": `\x1b]0;owned\a\x1b[2Jx`,
		"a\u009bb":                 `a\u009bb`,
		"a\rb\nc":                  `a\rb\nc`,
		"a\u202eb":                 `a\u202eb`,
		"h\u00e9":                  "h\u00e9",
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"a\tb\n\x1bc": `a	b
\x1bc`, "\U000e0001": `\U000e0001`} {
		if got := EscapeLines(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got, want := EscapeJSON("\"a\u202e\x7f\U000e0001\"\n"), `"a\u202e\u007f\udb40\udc01"`+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
