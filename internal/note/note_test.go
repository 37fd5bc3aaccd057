// SPDX-License-Identifier: Apache-2.0

package note

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name, text string
		most       int
		want       string
	}{
		{"empty", "", 3, ""},
		{"short", "abc", 3, "abc"},
		{"long", "abcd", 3, "abc…"},
		{"two bytes at the cut", "abü", 3, "ab…"},
		{"four bytes at the cut", "a🔑b", 4, "a…"},
		{"kept whole", "aü", 3, "aü"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Cut(c.text, c.most); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The limit is that of the API server: NoteLengthLimit in its validation of events.k8s.io/v1.
func TestFitIsTakenByTheAPIServer(t *testing.T) {
	for _, unit := range []string{"a", "ü", "…", "🔑"} {
		if got := Fit(strings.Repeat(unit, 2000)); len(got) > 1024 || len(got) < 990 || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes, valid %v", unit, len(got), utf8.ValidString(got))
		}
	}
}
