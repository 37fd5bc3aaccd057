// SPDX-License-Identifier: Apache-2.0

// Package terminal makes text of others fit for a terminal. What somebody writes into an object of the cluster must not
// control the terminal of who reads it:
//
//	fmt.Println(terminal.Escape("\x1b[2J")) // \x1b[2J, in letters
package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Escape is text of others for a terminal: control characters, with which it could be made to show something else, are
// shown as they are escaped in Go.
func Escape(text string) string {
	return escaped(text, Control, quoted)
}

// EscapeLines is Escape but for line breaks and tabs, which stay.
func EscapeLines(text string) string {
	others := func(r rune) bool { return Control(r) && r != '\n' && r != '\t' }
	return escaped(text, others, quoted)
}

// EscapeJSON is the same JSON with no control characters but line breaks.
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

// escaped is text in which escape takes the place of some runes.
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
