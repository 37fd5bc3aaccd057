// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const testKey = "the-admin-key"

// step is one expected request and its answer.
type step struct {
	method, uri string
	body        string // golden JSON in testdata; empty for none
	status      int
	answer      string // of a file in testdata, or as it is
	html        bool
}

// script is a server that expects these requests, in this order.
type script struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	steps []step
	done  int
}

func newScript(t *testing.T, steps ...step) *script {
	t.Helper()
	s := &script{t: t, steps: steps}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		if s.done != len(steps) {
			t.Errorf("%d requests came, %d were expected", s.done, len(steps))
		}
	})
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done >= len(s.steps) {
		s.t.Errorf("unexpected %s %s", r.Method, r.URL)
		return
	}
	expected := s.steps[s.done]
	s.done++
	if r.Method != expected.method || r.RequestURI != "/apisix/admin"+expected.uri {
		s.t.Errorf("%s %s, want %s %s", r.Method, r.RequestURI, expected.method, expected.uri)
	}
	s.checkHeaders(r)
	body, _ := io.ReadAll(r.Body)
	if diff := cmp.Diff(value(s.t, golden(s.t, expected.body)), value(s.t, body)); diff != "" {
		s.t.Errorf("%s %s (-golden +sent):\n%s", r.Method, r.URL, diff)
	}
	w.Header().Set("Content-Type", "application/json")
	if expected.html {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	w.WriteHeader(expected.status)
	_, _ = w.Write(golden(s.t, expected.answer))
}

func (s *script) checkHeaders(r *http.Request) {
	if got := r.Header.Get("X-Api-Key"); got != testKey {
		s.t.Errorf("key %q", got)
	}
	if got := r.Header.Get("User-Agent"); got != "apisix-certs" {
		s.t.Errorf("user agent %q", got)
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "If-") {
			s.t.Errorf("conditional header %s", name)
		}
	}
}

// golden returns the file of that name, or the text itself where it is none.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	if !strings.HasSuffix(name, ".json") {
		return []byte(name)
	}
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func value(t *testing.T, data []byte) any {
	t.Helper()
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return v
}

func newClient(t *testing.T, endpoints ...string) *Client {
	t.Helper()
	client, err := New(Options{Endpoints: endpoints, AdminKey: StaticKey(testKey), Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func ptr[T any](v T) *T { return &v }

var shop = SSL{
	ID: "shop", SNIs: []string{"shop.example.com", "*.shop.example.com"}, Cert: "CERT PEM", Key: "KEY PEM",
	Labels: map[string]string{"managed-by": "apisix-certs"}, Status: ptr(0), SSLProtocols: []string{"TLSv1.3"},
	Client: &SSLClient{CA: "CA PEM", Depth: ptr(2), SkipMTLSURIRegex: []string{"^/healthz$"}}, Desc: "of the shop",
	CreateTime: 5, UpdateTime: 6, CreatedIndex: 7, ModifiedIndex: 8,
}

func TestPutSSL(t *testing.T) {
	server := newScript(t,
		step{"PUT", "/ssls/shop", "put_request.json", 201, "put_answer.json", false},
		step{"PUT", "/ssls/shop", "put_request.json", 200, "put_answer.json", false})
	client := newClient(t, server.URL)
	for _, want := range []bool{true, false} {
		if created, err := client.PutSSL(t.Context(), shop); err != nil || created != want {
			t.Errorf("created %t, error %v, want %t", created, err, want)
		}
	}
}

func TestPatchSSL(t *testing.T) {
	server := newScript(t, step{"PATCH", "/ssls/shop", "patch_request.json", 200, "put_answer.json", false})
	patch := SSLPatch{Cert: "NEW CERT PEM", Key: "NEW KEY PEM"}
	if err := newClient(t, server.URL).PatchSSL(t.Context(), "shop", patch); err != nil {
		t.Error(err)
	}
}

func TestDeleteSSL(t *testing.T) {
	server := newScript(t,
		step{"DELETE", "/ssls/shop", "", 200, "delete_answer.json", false},
		step{"DELETE", "/ssls/shop", "", 404, `{"message":"Key not found"}`, false})
	client := newClient(t, server.URL+"/apisix/admin/")
	if err := client.DeleteSSL(t.Context(), "shop"); err != nil {
		t.Error(err)
	}
	if err := client.DeleteSSL(t.Context(), "shop"); !IsNotFound(err) {
		t.Errorf("%v, want not found", err)
	}
}

func TestGetSSL(t *testing.T) {
	server := newScript(t, step{"GET", "/ssls/shop", "", 200, "get_answer.json", false})
	got, err := newClient(t, server.URL).GetSSL(t.Context(), "shop")
	want := &SSL{
		ID: "shop", SNIs: []string{"shop.example.com"}, Cert: "CERT PEM", Certs: []string{"RSA PEM"}, Type: "server",
		Status: ptr(1), Labels: map[string]string{"managed-by": "apisix-certs"}, Client: &SSLClient{CA: "CA PEM"},
		SSLProtocols: []string{}, Desc: "of the shop", CreateTime: 1795546776, UpdateTime: 1795546779,
		CreatedIndex: 814, ModifiedIndex: 819,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestListSSLs(t *testing.T) {
	server := newScript(t, step{"GET", "/ssls?page=1&page_size=500", "", 200, "list_answer.json", false})
	got, err := newClient(t, server.URL).ListSSLs(t.Context())
	want := []SSL{
		{ID: "ours", SNI: "Ours.Example.com.", CreatedIndex: 1, ModifiedIndex: 2},
		{ID: "7", SNIs: []string{"seven.example.com"}, Status: ptr(0)},
		{ID: "lua", Cert: "no certificate"},
		{ID: "odd"},
		{ID: "noid"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// pageOf is a page of a list whose keys are the letters.
func pageOf(total int, letters string) string {
	var nodes []node
	for _, letter := range letters {
		nodes = append(nodes, node{Key: "/apisix/ssls/" + string(letter), Value: json.RawMessage(`{}`)})
	}
	data, _ := json.Marshal(map[string]any{"list": nodes, "total": total})
	return string(data)
}

func TestListSSLsReadsAgainAfterChange(t *testing.T) {
	first, second := "/ssls?page=1&page_size=500", "/ssls?page=2&page_size=500"
	server := newScript(t,
		step{"GET", first, "", 200, pageOf(501, "ab"), false},
		step{"GET", second, "", 200, pageOf(500, "b"), false}, // c moved to the first page meanwhile
		step{"GET", first, "", 200, pageOf(3, "abc"), false})
	got, err := newClient(t, server.URL).ListSSLs(t.Context())
	if diff := cmp.Diff([]SSL{{ID: "a"}, {ID: "b"}, {ID: "c"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestListSSLsEmptyPage(t *testing.T) {
	for _, answer := range []string{`{"list":[],"total":0}`, `{"list":{},"total":0}`} {
		server := newScript(t, step{"GET", "/ssls?page=1&page_size=500", "", 200, answer, false})
		if got, err := newClient(t, server.URL).ListSSLs(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", answer, got, err)
		}
	}
}

// TestListSSLsUnreadable has answers of which nothing can be read: none may pass for that of an empty gateway.
func TestListSSLsUnreadable(t *testing.T) {
	second := "/ssls?page=2&page_size=500"
	for _, test := range []struct {
		name    string
		answers []string
	}{
		{"no list", []string{`{"total":3}`}},
		{"a page that is empty, of a list that is not", []string{`{"total":3,"list":{}}`}},
		{"a text for a list", []string{`{"total":0,"list":"x"}`}},
		{"an object for a list", []string{`{"total":1,"list":{"a":{"key":"/apisix/ssls/a","value":{}}}}`}},
		{"entries of another form", []string{`{"total":2,"list":[{"id":"a"},{"id":"b"}]}`}},
		{"entries that are no objects", []string{`{"total":2,"list":["a",1]}`}},
		{"no total", []string{`{"list":[]}`}},
		{"no list at all", []string{`{}`}},
		{"no second page", []string{pageOf(501, "ab"), `{"total":501,"list":{}}`}},
	} {
		steps := []step{{"GET", "/ssls?page=1&page_size=500", "", 200, test.answers[0], false}}
		if len(test.answers) > 1 {
			steps = append(steps, step{"GET", second, "", 200, test.answers[1], false})
		}
		if got, err := newClient(t, newScript(t, steps...).URL).ListSSLs(t.Context()); !IsNotAdminAPI(err) || got != nil {
			t.Errorf("%s: %v, error %v, want a foreign answer", test.name, got, err)
		}
	}
}

// TestListSSLsOddEntry: one entry that is no object hides no other.
func TestListSSLsOddEntry(t *testing.T) {
	answer := `{"total":3,"list":["x",{"key":"/apisix/ssls/a","value":{}},null]}`
	server := newScript(t, step{"GET", "/ssls?page=1&page_size=500", "", 200, answer, false})
	got, err := newClient(t, server.URL).ListSSLs(t.Context())
	if diff := cmp.Diff([]SSL{{ID: "a"}}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestProbe(t *testing.T) {
	list := step{"GET", "/ssls?page=1&page_size=10", "", 200, pageOf(0, ""), false}
	missing := step{"GET", "/ssls?page=1&page_size=10", "", 404, "<html>404</html>", true}
	configs := step{"HEAD", "/configs", "", 200, "", false}
	none := step{"HEAD", "/configs", "", 404, "", true}
	old := step{"GET", "/ssl/" + probeID, "", 404, "<html>404</html>", true}
	denied := step{"GET", "/ssls?page=1&page_size=10", "", 401, `{"error_msg":"failed to check token"}`, false}
	for _, test := range []struct {
		name  string
		steps []step
		want  Mode
		fails func(error) bool
	}{
		{"etcd", []step{list}, ModeEtcd, nil},
		{"standalone", []step{missing, configs}, ModeStandalone, nil},
		{"no admin API", []step{missing, none, old}, ModeUnknown, IsNotAdminAPI},
		{"bad key", []step{denied}, ModeUnknown, IsUnauthorized},
	} {
		mode, err := newClient(t, newScript(t, test.steps...).URL).Probe(t.Context())
		if mode != test.want || (err == nil) != (test.fails == nil) || test.fails != nil && !test.fails(err) {
			t.Errorf("%s: mode %q, error %v", test.name, mode, err)
		}
	}
}
