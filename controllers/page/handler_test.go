// SPDX-License-Identifier: Apache-2.0

package page

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

func get(handler http.Handler, method, path string, headers ...string) *http.Response {
	request := httptest.NewRequest(method, "http://localhost:8089"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func TestRequests(t *testing.T) {
	feed := NewFeed()
	feed.PutCertificate(named("a"))
	handler := Handler(feed, clocktesting.NewFakeClock(noon), nil)
	for _, c := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/", 302, "text/html"},
		{"GET", "/page/", 200, "text/html"},
		{"GET", "/page/page.css", 200, "text/css"},
		{"GET", "/page/page.js", 200, "text/javascript"},
		{"GET", "/page/icon.svg", 200, "image/svg+xml"},
		{"GET", "/page/snapshot", 200, "application/json"},
		{"HEAD", "/page/snapshot", 200, "application/json"},
		{"HEAD", "/page/events", 200, "text/event-stream"},
		{"GET", "/page/none", 404, "text/plain"},
		{"GET", "/metrics", 404, "text/plain"},
		{"GET", "/page/../doc.go", 307, ""},
		{"POST", "/page/snapshot", 405, "text/plain"},
		{"DELETE", "/page/", 405, "text/plain"},
		{"OPTIONS", "/page/", 405, "text/plain"},
	} {
		answer := get(handler, c.method, c.path)
		if answer.StatusCode != c.status || !strings.HasPrefix(answer.Header.Get("Content-Type"), c.kind) {
			t.Errorf("%s %s: %d %s", c.method, c.path, answer.StatusCode, answer.Header.Get("Content-Type"))
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Content-Security-Policy": contentPolicy,
		} {
			if have := answer.Header.Get(name); have != want {
				t.Errorf("%s %s: %s is %q", c.method, c.path, name, have)
			}
		}
	}
}

func TestSnapshot(t *testing.T) {
	feed := NewFeed()
	feed.PutCertificate(named("a"))
	for _, encoding := range []string{"", "gzip"} {
		server := httptest.NewServer(Handler(feed, clocktesting.NewFakeClock(noon), nil))
		transport := &http.Transport{DisableCompression: encoding == ""}
		answer, err := (&http.Client{Transport: transport}).Get(server.URL + "/page/snapshot")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		if answer.Uncompressed != (encoding == "gzip") {
			t.Errorf("with %q the answer was compressed: %t", encoding, answer.Uncompressed)
		}
		if c := decode[Change](t, text); c.Now != "2026-11-24T12:00:00Z" || c.Version != feed.Snapshot().Version || len(c.Certificates) != 1 {
			t.Errorf("%s", text)
		}
		server.Close()
	}
}

// The page loads nothing but its own files, and has no script or style between its lines, which its policy forbids.
func TestAssets(t *testing.T) {
	inline := regexp.MustCompile(`<script>|<style|\son[a-z]+="|style="|(src|href)="(https?:)?//`)
	handler := Handler(NewFeed(), clock.RealClock{}, nil)
	err := fs.WalkDir(assets, "assets", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(assets, path)
		if strings.HasSuffix(path, ".html") && inline.Match(text) {
			t.Errorf("%s has %s", path, inline.Find(text))
		}
		if strings.Contains(string(text), "innerHTML") {
			t.Errorf("%s makes markup of text", path)
		}
		for _, link := range regexp.MustCompile(`(?:src|href)="([^"]+)"|from '\./([^']+)'`).FindAllStringSubmatch(string(text), -1) {
			if answer := get(handler, "GET", "/page/"+link[1]+link[2]); answer.StatusCode != http.StatusOK {
				t.Errorf("%s loads %s%s: %d", path, link[1], link[2], answer.StatusCode)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
