// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEndpointsAreNormalised(t *testing.T) {
	options, err := Options{AdminKey: StaticKey("k"), Endpoints: []string{
		"http://a:9180", "http://a:9180/", "http://a:9180/apisix/admin/", " https://b/apisix/admin ", "https://c/gw/admin",
	}}.withDefaults()
	want := []string{"http://a:9180/apisix/admin", "https://b/apisix/admin", "https://c/gw/admin"}
	if diff := cmp.Diff(want, options.Endpoints); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if options.Timeout != 10*time.Second || options.UserAgent != "apisix-certs" {
		t.Errorf("defaults %s and %s", options.Timeout, options.UserAgent)
	}
}

func TestOptionsProblems(t *testing.T) {
	for _, test := range []struct{ endpoint, want string }{
		{"host:9180", "must begin"},
		{"10.0.0.1:9180", "not a valid URL"},
		{"ftp://host", "must begin"},
		{"http://", "must begin"},
		{"", "must begin"},
		{"http://user:hunter2@host:9180", "user or password"},
		{"http://hunter2@host:9180", "user or password"},
		{"http://host:9180?api_key=hunter2", "query"},
		{"http://host:9180/#hunter2", "query or fragment"},
		{"http://host:9180/%zzhunter2", "not a valid URL"},
		{"user:hunter2@host", "must begin"},
	} {
		_, err := New(Options{Endpoints: []string{test.endpoint}, AdminKey: StaticKey("k")})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.endpoint, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows a secret: %v", test.endpoint, err)
		}
	}
}

func TestOptionsProblemsTogether(t *testing.T) {
	_, err := New(Options{Endpoints: []string{"host:1", "http://h?x=y"}, Timeout: -time.Second})
	for _, want := range []string{"must begin", "query", "an admin key is required", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not hold %q", err, want)
		}
	}
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "at least one Admin API endpoint") {
		t.Errorf("error %v, want that an endpoint is required", err)
	}
}

func TestValidID(t *testing.T) {
	for _, id := range []string{"a", "1", "-", "_x", "...", "ns_name.x-Y", strings.Repeat("a", 64)} {
		if err := ValidID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{
		"", ".", "..", "a/b", "a b", "a%2Fb", "a\n", "é", "a:b", "../x", "a?b", "\x00", strings.Repeat("a", 65),
	} {
		var e *IDError
		if err := ValidID(id); !errors.As(err, &e) || e.ID != id {
			t.Errorf("%q: %v, want an IDError", id, err)
		}
	}
}

func TestBadIDMakesNoRequest(t *testing.T) {
	server := behave(t, answering(200, putDone))
	client := newClient(t, server.URL)
	_, put := client.PutSSL(t.Context(), SSL{ID: "a/b"})
	_, get := client.GetSSL(t.Context(), "")
	for _, err := range []error{
		put, get, client.DeleteSSL(t.Context(), ".."), client.PatchSSL(t.Context(), "a?b", SSLPatch{}),
	} {
		var e *IDError
		if !errors.As(err, &e) {
			t.Errorf("%v, want an IDError", err)
		}
	}
	if server.requests.Load() != 0 {
		t.Error("a request was made")
	}
}

func TestHosts(t *testing.T) {
	for _, test := range []struct {
		ssl  SSL
		want []string
	}{
		{SSL{SNI: "A.Example.com."}, []string{"a.example.com"}},
		{SSL{SNIs: []string{"*.Example.com", "b"}}, []string{"*.example.com", "b"}},
		{SSL{SNI: "a", SNIs: []string{"b"}}, []string{"b"}},
		{SSL{}, nil},
	} {
		if diff := cmp.Diff(test.want, test.ssl.Hosts()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEnabled(t *testing.T) {
	for _, test := range []struct {
		ssl  SSL
		want bool
	}{
		{SSL{}, true}, {SSL{Status: ptr(1), Type: "server"}, true}, {SSL{Status: ptr(0)}, false}, {SSL{Type: "client"}, false},
	} {
		if got := test.ssl.Enabled(); got != test.want {
			t.Errorf("status %v type %q: %t", test.ssl.Status, test.ssl.Type, got)
		}
	}
}
