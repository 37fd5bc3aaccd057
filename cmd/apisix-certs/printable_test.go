// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// What somebody writes into an object does not control the terminal of who reads it.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"shop.example.com":         "shop.example.com",
		"\x1b]0;owned\x07\x1b[2Jx": `\x1b]0;owned\a\x1b[2Jx`,
		"a\u009bb":                 `a\u009bb`,
		"a\rb\nc":                  `a\rb\nc`,
		"a\u202eb":                 `a\u202eb`,
		"h\u00e9":                  "h\u00e9",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	var out strings.Builder
	writeTable(&out, [][]cell{{{text: "HOSTS"}}, {{text: "\x1b[2Jx"}}})
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("%q", out.String())
	}
}
