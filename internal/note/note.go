// SPDX-License-Identifier: Apache-2.0

// Package note keeps texts for people within what Kubernetes takes.
package note

import "strings"

// limit leaves room for the mark of a cut: the API server refuses an event whose note is over 1024 bytes.
const limit = 1000

// Fit is text cut to what an event's note may hold.
func Fit(text string) string { return Cut(text, limit) }

// Cut is text cut to at most so many bytes and a mark that it was cut. No character is cut in two, and what is not
// UTF-8 is left out of a text that is cut.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
