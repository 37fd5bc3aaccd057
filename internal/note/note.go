// SPDX-License-Identifier: Apache-2.0

// Package note cuts messages to the limits of Kubernetes.
package note

import "strings"

// limit leaves room for the ellipsis: the API server rejects an event whose note is over 1024 bytes.
const limit = 1000

// Fit cuts text to the length of an event's note.
func Fit(text string) string { return Cut(text, limit) }

// Cut cuts text to at most that many bytes and adds an ellipsis. It splits no character, and drops invalid UTF-8 from a text
// that is cut.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
