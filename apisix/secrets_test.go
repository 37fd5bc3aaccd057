// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const secretPEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV0bydCl7j" +
	"/ONeSvm\n9pCYj6LXg3PkdSXIrm7BSZOtuSOhRANCAAQ0\n-----END PRIVATE KEY-----\n"

// leaks tells whether any part of the key, or the admin key, is in the text.
func leaks(s string) bool {
	return strings.Contains(s, "MIGHAgEAMBM") || strings.Contains(s, "9pCYj6LXg3Pk") || strings.Contains(s, testKey)
}

func TestErrorsHoldNoKey(t *testing.T) {
	echo, _ := json.Marshal(secretPEM)
	withKey := SSL{ID: "shop", SNIs: []string{"shop.example.com"}, Cert: "CERT", Key: secretPEM}
	for _, test := range []struct {
		name   string
		status int
		body   string
	}{
		{"echoed body", 400, `{"error_msg":"invalid request body: Expected value","req_body":` + string(echo) + `}`},
		{"in the message", 400, `{"error_msg":` + string(echo) + `}`},
		{"cut short in the message", 400, `{"error_msg":` + string(echo[:120]) + `"}`},
		{"without armour", 400, `{"error_msg":"bad MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV0bydCl7j"}`},
		{"admin key", 401, `{"error_msg":"failed to check token","description":"wrong apikey ` + testKey + `"}`},
		{"HTML", 500, "<html>" + secretPEM + "</html>"},
		{"malformed", 400, `{"error_msg":` + secretPEM},
		{"garbage with 200", 200, secretPEM},
		{"a foreign object", 200, `{"key":` + string(echo) + `}`},
	} {
		var observed []Call
		client := newClient(t, behave(t, answering(test.status, test.body)).URL)
		client.options.Observe = func(c Call) { observed = append(observed, c) }
		_, err := client.PutSSL(t.Context(), withKey)
		if err == nil {
			t.Fatalf("%s: no error", test.name)
		}
		if said := fmt.Sprintf("%v %+v %#v %v", err, err, errors.Unwrap(err), observed); leaks(said) {
			t.Errorf("%s: %s", test.name, said)
		}
		var e *APIError
		if errors.As(err, &e) && leaks(fmt.Sprintf("%#v", *e)) {
			t.Errorf("%s: %#v", test.name, *e)
		}
	}
}

func TestNetworkErrorsHoldNoKey(t *testing.T) {
	withKey := SSL{ID: "shop", Cert: "CERT", Key: secretPEM}
	for name, handler := range map[string]http.HandlerFunc{"dropped": drop, "time-out": hang, "midway": closeMidway} {
		_, err := newClient(t, behave(t, handler).URL).PutSSL(t.Context(), withKey)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if leaks(fmt.Sprintf("%v %+v", e, e)) {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
}

func TestRedaction(t *testing.T) {
	ssl := SSL{ID: "shop", SNIs: []string{"shop.example.com"}, Key: secretPEM, Keys: []string{secretPEM}}
	patch := SSLPatch{Cert: "CERT", Key: secretPEM}
	source := StaticKey(testKey)
	for _, value := range []any{
		ssl, &ssl, []SSL{ssl}, map[string]SSL{"a": ssl}, struct{ S SSL }{ssl}, patch, &patch, struct{ P *SSLPatch }{&patch},
		source, Options{AdminKey: source},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if printed := fmt.Sprintf(verb, value); leaks(printed) || strings.Contains(printed, fmt.Sprintf("%x", "MIGHAgEA")) {
				t.Errorf("%s of %T prints its key: %s", verb, value, printed)
			}
		}
		for _, logged := range []string{logLine(value, false), logLine(value, true)} {
			if leaks(logged) && !plainJSON(value) {
				t.Errorf("slog of %T prints its key: %s", value, logged)
			}
		}
	}
	for _, marshaler := range []interface{ MarshalLog() any }{ssl, patch} {
		if leaks(fmt.Sprint(marshaler.MarshalLog())) {
			t.Errorf("logr of %T prints its key", marshaler)
		}
	}
}

// plainJSON tells of values whose JSON has the key on purpose: slog's JSON handler cannot know of those inside others.
func plainJSON(value any) bool {
	switch value.(type) {
	case SSL, *SSL, SSLPatch, *SSLPatch, KeySource, Options:
		return false
	}
	return true
}

func logLine(value any, asJSON bool) string {
	var b bytes.Buffer
	var handler slog.Handler = slog.NewTextHandler(&b, nil)
	if asJSON {
		handler = slog.NewJSONHandler(&b, nil)
	}
	slog.New(handler).Info("x", "value", value)
	return b.String()
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var got []string
	server := behave(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Api-Key"))
		answering(200, putDone)(w, r)
	})
	client, err := New(Options{Endpoints: []string{server.URL}, AdminKey: KeyFile(path)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutSSL(t.Context(), shop); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that the file is missing", err)
	}
	for _, content := range []string{"first\n", " second ", ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := client.PutSSL(t.Context(), shop)
		if (err == nil) != (content != "") {
			t.Errorf("%q: error %v", content, err)
		}
	}
	if strings.Join(got, ",") != "first,second" {
		t.Errorf("keys %q were sent, want first and second", got)
	}
}

func TestKeyThatCannotBeSent(t *testing.T) {
	server := behave(t, answering(200, putDone))
	for name, source := range map[string]KeySource{
		"control character": StaticKey(testKey + "\n"),
		"empty":             StaticKey(""),
		"failing":           func(context.Context) (string, error) { return testKey, os.ErrPermission },
	} {
		client, err := New(Options{Endpoints: []string{server.URL}, AdminKey: source})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.GetSSL(t.Context(), "shop")
		if e := (*KeyError)(nil); !errors.As(err, &e) || leaks(err.Error()) {
			t.Errorf("%s: error %v, want a KeyError without the key", name, err)
		}
	}
	if server.requests.Load() != 0 {
		t.Error("a request was made")
	}
}
