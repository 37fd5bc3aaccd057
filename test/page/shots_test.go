// SPDX-License-Identifier: Apache-2.0

package page

import (
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/controllers/page"
)

// TestShots opens the page as people see it, and writes screenshots with -shots.
func TestShots(t *testing.T) {
	now := time.Now()
	many, some, none := MadeUp(1000, now), MadeUp(120, now), page.NewFeed()
	for _, c := range []struct {
		name, theme   string
		feed          *page.Feed
		width, height int64
		query         string
		keys          []string
	}{
		{"docs", "light", some, 1280, 720, "", nil}, // docs/page.png
		{"light", "light", many, 1440, 900, "", nil},
		{"dark", "dark", many, 1440, 900, "", nil},
		{"open", "light", many, 1440, 900, "", []string{down, down, enter}},
		{"open-dark", "dark", many, 1440, 900, "?sort=-host", []string{down, enter}},
		{"filtered", "light", many, 1440, 900, "?q=issuer:clustervaultissuer/vault-partners&state=ok", nil},
		{"nothing-found", "light", many, 1440, 900, "?q=nothing-like-it", nil},
		{"empty", "light", none, 1440, 900, "", nil},
		{"narrow", "light", many, 390, 844, "", nil},
		{"narrow-open", "dark", many, 390, 844, "", []string{down, enter}},
		{"middle", "light", many, 1024, 768, "", nil},
		{"zoom", "light", many, 720, 450, "", nil},
		{"help", "light", many, 1440, 900, "", []string{"?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newTab(t, c.feed)
			o.size(c.width, c.height)
			o.prefer("prefers-color-scheme", c.theme)
			o.open(c.query)
			if len(c.keys) > 0 {
				eval[any](o, `document.getElementById('grid').focus()`)
			}
			o.press(c.keys...)
			o.wait(`document.getElementById('link').dataset.link === 'live'`)
			if wide := eval[bool](o, `document.documentElement.scrollWidth > innerWidth`); wide {
				t.Error("the page is wider than the window")
			}
			o.shot(c.name)
		})
	}
}
