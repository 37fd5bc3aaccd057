// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"regexp"
	"strings"
	"unicode"
)

const maxText = 300

var (
	unstable = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*( [+-]\d{4})?( [A-Z]{3,4})?` + // times
		`|([0-9A-Fa-f]{2}[:-]){7,}[0-9A-Fa-f]{2}` + // serials
		`|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}` + // request and accessor IDs
		`|\d{1,3}(\.\d{1,3}){3}:\d+`) // addresses with a port
	secretLike = regexp.MustCompile(`(?s)-----BEGIN.*?(-----END[^-]*-----|$)` + // PEM
		`|\b(hv[sbr]|s|b|r)\.[A-Za-z0-9_-]{20,}` + // Vault tokens
		`|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`) // JWTs
)

// clean makes a text from Vault suitable for an object's status: one line, stable, without secrets, and at most
// maxText bytes long.
func clean(text string) string {
	text = secretLike.ReplaceAllString(text, redacted)
	text = unstable.ReplaceAllString(text, "...")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) { // control characters, including C1, and those that change the text direction
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}
