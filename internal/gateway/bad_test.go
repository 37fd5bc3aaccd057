// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

// A gateway that answers nonsense gives an error that stays the same and holds no key, and what is served stays.
func TestOwnBadGateways(t *testing.T) {
	skipReal(t)
	const junk = "<html><body>Welcome to nginx</body></html>"
	bad := map[string]struct {
		answer  http.HandlerFunc
		refused bool // it will not change by itself
	}{
		"HTML":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, junk) }, true},
		"garbage":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0, 1, 2, 0xff}) }, true},
		"empty JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "{}") }, true},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
		}, true},
		"bad gateway": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, junk, http.StatusBadGateway) }, false},
		"hangs after headers": {func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, false},
		"closes midway": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprint(w, `{"list":[`)
			panic(http.ErrAbortHandler)
		}, false},
	}
	for name, row := range bad {
		for _, stage := range []string{"list", "write"} {
			t.Run(name+" "+stage, func(t *testing.T) {
				t.Parallel()
				s := newOwnScene(t)
				old := s.target("u1", "a.example.com")
				s.mustPush(old)
				server := httptest.NewServer(stageHandler(s, stage, row.answer))
				defer server.Close()
				s.Admin = shortClient(t, server.URL, s.standIn.AdminKey())
				if stage == "list" {
					s.Invalidate()
				}
				renewed := s.target("u1", "a.example.com")
				_, _, err := s.tryPush(renewed)
				if err == nil || Refused(err) != row.refused {
					t.Fatalf("refused %t: %v", Refused(err), err)
				}
				if _, _, again := s.tryPush(renewed); again == nil || again.Error() != err.Error() {
					t.Errorf("not stable: %q, then %q", err, again)
				}
				if strings.Contains(err.Error(), "PRIVATE") || strings.Contains(err.Error(), s.standIn.AdminKey()) {
					t.Errorf("a secret is in %q", err)
				}
				if proof := s.Prove(context.Background(), old.Hosts, old.Fingerprint); !proof.Served {
					t.Errorf("the old certificate is not served any more: %+v", proof)
				}
				s.Admin = shortClient(t, s.standIn.AdminURL(), s.standIn.AdminKey())
				if _, verb, proof := s.push(renewed); verb != ActionPut || !proof.Served {
					t.Errorf("after the gateway recovered: %s %+v", verb, proof)
				}
			})
		}
	}
}

// stageHandler answers badly at one stage and as the stand-in at the others.
func stageHandler(s *ownScene, stage string, answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stage == "list" || r.Method == http.MethodPut {
			answer(w, r)
			return
		}
		pass(w, r, s.standIn.AdminURL())
	})
}

// pass lets another server answer.
func pass(w http.ResponseWriter, r *http.Request, url string) {
	request, err := http.NewRequest(r.Method, url+r.URL.String(), r.Body)
	if err != nil {
		panic(err)
	}
	request.Header = r.Header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// slowClient talks to the stand-in through something that takes its time and counts the writes that it has at a time.
func slowClient(t *testing.T, s *ownScene, now, most *atomic.Int64) *apisix.Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			pass(w, r, s.standIn.AdminURL())
			return
		}
		count := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); count > old && !most.CompareAndSwap(old, count); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		pass(w, r, s.standIn.AdminURL())
	}))
	t.Cleanup(server.Close)
	client, err := apisix.New(apisix.Options{Endpoints: []string{server.URL}, AdminKey: apisix.StaticKey(s.standIn.AdminKey())})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func shortClient(t *testing.T, url, key string) *apisix.Client {
	t.Helper()
	client, err := apisix.New(apisix.Options{Endpoints: []string{url}, AdminKey: apisix.StaticKey(key), Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return client
}
