// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestErrorKinds(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   string // the predicates that hold
	}{
		{"missing object", 404, `{"message":"Key not found"}`, "not found"},
		{"no such resource", 404, `{"error_msg":"Unsupported resource type: ssls"}`, "foreign"},
		{"no Admin API", 404, "<html>404 Not Found</html>", "foreign"},
		{"wrong key", 401, `{"error_msg":"failed to check token","description":"wrong apikey"}`, "unauthorized"},
		{"viewer", 401, `{"error_msg":"failed to check token","description":"invalid method for role viewer"}`, "forbidden"},
		{"address", 403, `{"error_msg":"Your IP address is not allowed"}`, "forbidden"},
		{"conflict", 503, `{"error_msg":"value changed before overwritten"}`, "conflict unavailable"},
		{"etcd down", 503, `{"error_msg":"has no healthy etcd endpoint available"}`, "unavailable"},
		{"too many", 429, `{}`, "unavailable"},
		{"Lua error", 500, "<html>500</html>", "unavailable foreign"},
		{"bad object", 400, `{"error_msg":"invalid configuration: then clause did not match"}`, ""},
		{"precondition", 412, "<html>412</html>", "foreign"},
	} {
		_, err := newClient(t, behave(t, answering(test.status, test.body)).URL).GetSSL(t.Context(), "shop")
		if got := kinds(fmt.Errorf("wrapped: %w", err)); got != test.want {
			t.Errorf("%s: %q, want %q (%v)", test.name, got, test.want, err)
		}
	}
	if got := kinds(errors.New("x")); got != "" {
		t.Errorf("any error is %q", got)
	}
}

func kinds(err error) string {
	var got []string
	for _, kind := range []struct {
		name string
		is   func(error) bool
	}{
		{"not found", IsNotFound}, {"unauthorized", IsUnauthorized}, {"forbidden", IsForbidden}, {"conflict", IsConflict},
		{"unavailable", IsUnavailable}, {"foreign", IsNotAdminAPI},
	} {
		if kind.is(err) {
			got = append(got, kind.name)
		}
	}
	return strings.Join(got, " ")
}

func TestErrorMessage(t *testing.T) {
	server := behave(t, answering(401, `{"error_msg":"failed to check token","description":"wrong apikey"}`))
	_, err := newClient(t, server.URL).GetSSL(t.Context(), "shop")
	host := strings.TrimPrefix(server.URL, "http://")
	want := "GET /ssls/shop at " + host + ": 401 failed to check token: wrong apikey"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	bare := &APIError{Status: 502, Endpoint: "h:1", Method: "GET", Path: "/ssls"}
	if got, want := bare.Error(), "GET /ssls at h:1: 502 Bad Gateway"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"control characters", "a\x00b\r\nc\td\x1b[1m", "a b c d [1m"},
		{"PEM", "a -----BEGIN X-----\nMII\n-----END X----- b", "a [redacted] b"},
		{"PEM without end", "a -----BEGIN X-----\nMII", "a [redacted]"},
		{"base64", "a " + strings.Repeat("QUJD", 20) + " b", "a [redacted] b"},
		{"admin key", "a hunter2 b", "a [redacted] b"},
		{"ordinary", `property "sni" validation failed`, `property "sni" validation failed`},
	} {
		if got := clean(test.in, "hunter2"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	if got := clean(strings.Repeat("é, ", 500), ""); len(got) > messageLimit || !utf8.ValidString(got) {
		t.Errorf("cut to %d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}

func TestObserve(t *testing.T) {
	var calls []Call
	down, up := behave(t, drop), behave(t, answering(404, `{"message":"Key not found"}`))
	client := newClient(t, down.URL, up.URL)
	client.options.Observe = func(c Call) { calls = append(calls, c) }
	_, _ = client.GetSSL(t.Context(), "shop")
	for i := range calls {
		if calls[i].Duration <= 0 || calls[i].Duration > time.Minute || calls[i].Err == nil {
			t.Errorf("call %d: duration %s, error %v", i, calls[i].Duration, calls[i].Err)
		}
		calls[i].Duration, calls[i].Err = 0, nil
	}
	want := []Call{
		{Method: "GET", Resource: "ssls", Endpoint: strings.TrimPrefix(down.URL, "http://")},
		{Method: "GET", Resource: "ssls", Endpoint: strings.TrimPrefix(up.URL, "http://"), Status: 404},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
}
