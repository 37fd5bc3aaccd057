// SPDX-License-Identifier: Apache-2.0

package page

import (
	"compress/gzip"
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

//go:embed assets
var assets embed.FS

// contentPolicy only allows the page to load its own files. The page never creates markup from text.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Handler serves /page/ to requests that guard allows. A nil guard allows all.
func Handler(feed *Feed, clock clock.WithTicker, guard func(http.Handler) http.Handler) http.Handler {
	files, _ := fs.Sub(assets, "assets") // embedded: never fails
	mux := http.NewServeMux()
	mux.Handle("/{$}", http.RedirectHandler("/page/", http.StatusFound))
	mux.Handle("/page/", http.StripPrefix("/page/", http.FileServerFS(files)))
	mux.Handle("/page/snapshot", &snapshots{feed: feed, clock: clock})
	mux.Handle("/page/events", newStreams(feed, clock))
	var handler http.Handler = mux
	if guard != nil {
		handler = guard(handler)
	}
	return headers(readOnly(handler))
}

// headers sets the headers of every response, including errors.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy":      contentPolicy,
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cache-Control":                "no-store",
		} {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET is allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// snapshots serves all rows of the feed.
type snapshots struct {
	feed  *Feed
	clock clock.PassiveClock
}

func (s *snapshots) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	all := s.feed.Snapshot()
	all.Now = s.clock.Now().UTC().Format(time.RFC3339)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Vary", "Accept-Encoding")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_ = json.NewEncoder(w).Encode(all) // the client has disconnected
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	// The rows are similar: compression sends a tenth of the bytes and takes about 10 ms.
	packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
	_ = json.NewEncoder(packed).Encode(all)
	_ = packed.Close()
}
