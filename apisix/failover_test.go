// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// behaviour is a server that answers every request alike, and counts them.
type behaviour struct {
	*httptest.Server
	requests atomic.Int64
}

func behave(t *testing.T, handler http.HandlerFunc) *behaviour {
	t.Helper()
	b := &behaviour{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(b.Close)
	return b
}

func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const putDone = `{"key":"/apisix/ssls/shop","value":{}}`

func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func hangAfterHeaders(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func closeMidway(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"key":"/apisix/ssls/shop",`)
	panic(http.ErrAbortHandler)
}

func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestFailover(t *testing.T) {
	for _, test := range []struct {
		name      string
		first     http.HandlerFunc
		elsewhere bool
	}{
		{"dropped", drop, true},
		{"closed midway", closeMidway, true},
		{"no answer", hang, true},
		{"no end of the answer", hangAfterHeaders, true},
		{"502", answering(502, "<html>"), true},
		{"503", answering(503, `{"error_msg":"has no healthy etcd endpoint available"}`), true},
		{"504", answering(504, ""), true},
		{"conflict", answering(503, `{"error_msg":"value changed before overwritten"}`), false},
		{"400", answering(400, `{"error_msg":"invalid configuration"}`), false},
		{"401", answering(401, `{"error_msg":"failed to check token"}`), false},
		{"404", answering(404, `{"message":"Key not found"}`), false},
		{"500", answering(500, "<html>"), false},
		{"429", answering(429, "{}"), false},
	} {
		first, second := behave(t, test.first), behave(t, answering(200, putDone))
		_, err := newClient(t, first.URL, second.URL).PutSSL(t.Context(), shop)
		if went := second.requests.Load() == 1; went != test.elsewhere || (err == nil) != test.elsewhere {
			t.Errorf("%s: went elsewhere %t, error %v", test.name, went, err)
		}
		if first.requests.Load() != 1 {
			t.Errorf("%s: %d requests at the first endpoint", test.name, first.requests.Load())
		}
	}
}

func TestFailoverKeepsTheEndpointThatAnswered(t *testing.T) {
	down, up := behave(t, answering(503, "{}")), behave(t, answering(200, putDone))
	client := newClient(t, down.URL, up.URL)
	for range 3 {
		if _, err := client.PutSSL(t.Context(), shop); err != nil {
			t.Fatal(err)
		}
	}
	if down.requests.Load() != 1 || up.requests.Load() != 3 {
		t.Errorf("%d and %d requests, want 1 and 3", down.requests.Load(), up.requests.Load())
	}
}

func TestFailoverTriesEachOnce(t *testing.T) {
	a, b, c := behave(t, drop), behave(t, answering(503, "{}")), behave(t, answering(502, "{}"))
	_, err := newClient(t, a.URL, b.URL, c.URL).PutSSL(t.Context(), shop)
	if e, ok := asAPIError(err); !ok || e.Status != 502 || !IsUnavailable(err) {
		t.Errorf("error %v, want that of the last endpoint", err)
	}
	for i, server := range []*behaviour{a, b, c} {
		if server.requests.Load() != 1 {
			t.Errorf("%d requests at endpoint %d", server.requests.Load(), i)
		}
	}
}

func TestDeleteAfterLostAnswer(t *testing.T) {
	missing := behave(t, answering(404, `{"message":"Key not found"}`))
	if err := newClient(t, behave(t, drop).URL, missing.URL).DeleteSSL(t.Context(), "shop"); err != nil {
		t.Errorf("error %v, want the delete to count as done", err)
	}
	html := behave(t, answering(404, "<html>"))
	if err := newClient(t, behave(t, drop).URL, html.URL).DeleteSSL(t.Context(), "shop"); !IsNotAdminAPI(err) {
		t.Errorf("error %v, want a foreign one", err)
	}
}

func TestNetworkErrors(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, test := range []struct{ name, endpoint, cause string }{
		{"refused", closed.URL, "connection refused"},
		{"dropped", behave(t, drop).URL, "connection closed"},
		{"time-out", behave(t, hang).URL, "timeout"},
		{"closed midway", behave(t, closeMidway).URL, "connection closed"},
		{"unknown host", "http://host.invalid:1", "looking up host.invalid"},
	} {
		client := newClient(t, test.endpoint)
		_, err := client.PutSSL(t.Context(), shop)
		_, again := client.PutSSL(t.Context(), shop)
		if !IsUnavailable(err) || !strings.Contains(err.Error(), test.cause) {
			t.Errorf("%s: error %v", test.name, err)
		}
		if again == nil || err.Error() != again.Error() {
			t.Errorf("%s: error %v, the second time %v", test.name, err, again)
		}
	}
}

func TestStableCauseOfReset(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1)) // what is unread makes the close a reset
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	_, err = newClient(t, "http://"+listener.Addr().String()).GetSSL(t.Context(), "shop")
	if err == nil || strings.Contains(err.Error(), "->") {
		t.Errorf("error %v names the client's port", err)
	}
}

func TestCancelled(t *testing.T) {
	second := behave(t, answering(200, putDone))
	client := newClient(t, behave(t, hang).URL, second.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.PutSSL(ctx, shop); err == nil || second.requests.Load() != 0 {
		t.Errorf("error %v, %d requests elsewhere; want an error and none", err, second.requests.Load())
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	target := behave(t, answering(200, putDone))
	for _, status := range []int{301, 302, 307, 308} {
		server := behave(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL+r.URL.Path, status)
		})
		_, err := newClient(t, server.URL).PutSSL(t.Context(), shop)
		if e, ok := asAPIError(err); !ok || e.Status != status || !e.NotAdminAPI {
			t.Errorf("%d: error %v", status, err)
		}
	}
	if target.requests.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for _, test := range []struct{ name, body string }{
		{"HTML", "<html>login</html>"},
		{"garbage", "\x00\x01\x02"},
		{"empty", ""},
		{"other JSON", `{"hello":"world"}`},
		{"a list", `[1,2]`},
		{"another object", `{"key":"/apisix/ssls/other","value":{}}`},
		{"5 MB of garbage", strings.Repeat("x", 5<<20)},
		{"5 MB of an object", `{"key":"/apisix/ssls/shop","value":{"desc":"` + strings.Repeat("x", 5<<20) + `"}}`},
	} {
		client := newClient(t, behave(t, answering(200, test.body)).URL)
		client.options.Timeout = 10 * time.Second // the race detector makes 5 MB slow
		if _, err := client.PutSSL(t.Context(), shop); !IsNotAdminAPI(err) {
			t.Errorf("put, %s: error %v, want a foreign one", test.name, err)
		}
		if _, err := client.GetSSL(t.Context(), "shop"); !IsNotAdminAPI(err) {
			t.Errorf("get, %s: error %v, want a foreign one", test.name, err)
		}
		if err := client.DeleteSSL(t.Context(), "shop"); !IsNotAdminAPI(err) {
			t.Errorf("delete, %s: error %v, want a foreign one", test.name, err)
		}
		if _, err := client.ListSSLs(t.Context()); !IsNotAdminAPI(err) {
			t.Errorf("list, %s: error %v, want a foreign one", test.name, err)
		}
	}
}
