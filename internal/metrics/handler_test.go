// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// The answer has the series of certificates and all others, in the format and the coding that are asked for.
func TestHandler(t *testing.T) {
	use()
	for name, test := range map[string]struct {
		header map[string]string
		want   []string
	}{
		"text": {nil, []string{
			`apisix_certs_ready{name="web",namespace="shop"} 1`, `apisix_certs_served{name="web",namespace="shop"} 0`, "# TYPE apisix_certs_ready gauge", "apisix_certs_vault_requests_total{",
		}},
		"gzip": {map[string]string{"Accept-Encoding": "gzip"}, []string{`apisix_certs_ready{name="web",namespace="shop"} 1`, "apisix_certs_vault_requests_total{"}},
	} {
		request, answer := httptest.NewRequest("GET", "/metrics", nil), httptest.NewRecorder()
		for key, value := range test.header {
			request.Header.Set(key, value)
		}
		Handler().ServeHTTP(answer, request)
		var body io.Reader = answer.Body
		if answer.Header().Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil || answer.Code != 200 {
			t.Fatal(answer.Code, err)
		}
		for _, want := range test.want {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}
