// SPDX-License-Identifier: Apache-2.0

package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

func TestLocalOnly(t *testing.T) {
	for host, status := range map[string]int{
		"localhost:8089": 200, "LOCALHOST": 200, "127.0.0.1:8089": 200, "127.9.9.9": 200, "[::1]:8089": 200,
		"evil.example.com:8089": 421, "localhost.evil.example.com": 421, "10.0.0.1:8089": 421, "0.0.0.0:8089": 421, "": 421,
	} {
		request := httptest.NewRequest("GET", "/page/", nil)
		request.Host = host
		recorder := httptest.NewRecorder()
		localOnly(hello).ServeHTTP(recorder, request)
		if recorder.Code != status {
			t.Errorf("Host %q: %d, want %d", host, recorder.Code, status)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8089": true, "localhost:8089": true, "[::1]:8089": true, ":8089": false, "0.0.0.0:8089": false, "[::]:8089": false, "10.0.0.1:8089": false,
	} {
		if have, err := Loopback(address); err != nil || have != want {
			t.Errorf("%s: %t %v", address, have, err)
		}
	}
	for _, address := range []string{"", "8089", "localhost", "localhost:"} {
		if _, err := Loopback(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}
