// SPDX-License-Identifier: Apache-2.0

// Package terminal escapes control characters in text that apisix-certs did not write. An object of the cluster must not be able
// to control the terminal of a user who reads it:
//
//	fmt.Println(terminal.Escape("\x1b[2J")) // prints \x1b[2J
package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Escape returns text with its control characters escaped as in a Go string.
func Escape(text string) string {
	return escaped(text, Control, quoted)
}

// EscapeLines is like Escape, but leaves line breaks and tabs unchanged.
func EscapeLines(text string) string {
	others := func(r rune) bool { return Control(r) && r != '\n' && r != '\t' }
	return escaped(text, others, quoted)
}

// EscapeJSON returns equivalent JSON text without control characters other than line breaks.
func EscapeJSON(text string) string {
	others := func(r rune) bool { return Control(r) && r != '\n' }
	return escaped(text, others, func(r rune) string {
		var units strings.Builder
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&units, `\u%04x`, unit)
		}
		return units.String()
	})
}

func quoted(r rune) string { return strings.Trim(strconv.QuoteRuneToASCII(r), "'") }

// escaped returns text with the selected runes replaced by escape.
func escaped(text string, which func(rune) bool, escape func(rune) string) string {
	if !strings.ContainsFunc(text, which) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if which(r) {
			out.WriteString(escape(r))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// Control reports whether a rune is a control character (C0 or C1) or changes the direction of writing.
func Control(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
