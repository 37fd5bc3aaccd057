// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"
)

// The page is off as it comes. Without a Service it is reached on localhost alone, and asks Kubernetes for nothing.
func TestPage(t *testing.T) {
	for _, c := range []struct {
		values, flag, service string
		asks                  bool
	}{
		{"", "", "", false},
		{"page: {enabled: true}", "--page-bind-address=127.0.0.1:8089\n", "", false},
		{"page: {enabled: true, service: {enabled: true}}", "--page-bind-address=:8089\n", "apisix-certs-page", true},
	} {
		t.Run(c.values, func(t *testing.T) {
			r := render(t, Release{Values: values(t, good+c.values)})
			if has := strings.Contains(r.Text, "--page-bind-address"); has != (c.flag != "") || !strings.Contains(r.Text, c.flag) {
				t.Errorf("flag, want %q", c.flag)
			}
			if r.Find("Service", "apisix-certs-page") != nil != (c.service != "") {
				t.Errorf("Service, want %q", c.service)
			}
			if asks := strings.Contains(r.Text, "tokenreviews"); asks != c.asks {
				t.Errorf("asks for TokenReviews: %t", asks)
			}
			if told := strings.Contains(r.Notes, "port-forward"); told != (c.flag != "" && c.service == "") {
				t.Errorf("notes: %s", r.Notes)
			}
		})
	}
}
