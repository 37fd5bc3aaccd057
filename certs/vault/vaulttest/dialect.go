// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
)

// Dialect has the differences between versions of Vault in their responses.
type Dialect struct {
	version string
	// deadToken and denied are the error texts for an unknown token and for a policy.
	deadToken, denied string
	// issuers means that a mount has several issuers with their own endpoints (since 1.11).
	issuers bool
	// lacks are role fields that were added later.
	lacks []string
}

const (
	denied      = "1 error occurred:\n\t* permission denied\n\n"
	deniedPlain = "permission denied"
	invalid     = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"
)

// The dialects. Vault before 1.16 and OpenBao refuse an unknown token as if by a policy.
var (
	Vault121 = Dialect{version: "1.21.4", deadToken: invalid, denied: denied, issuers: true}
	Vault115 = Dialect{version: "1.15.6", deadToken: deniedPlain, denied: denied, issuers: true}
	Vault19  = Dialect{version: "1.9.10", deadToken: deniedPlain, denied: denied,
		lacks: []string{"allow_wildcard_certificates", "cn_validations", "issuer_ref", "allowed_user_ids"}}
	OpenBao = Dialect{version: "2.4.1", deadToken: deniedPlain, denied: denied, issuers: true}
)

// String returns the version.
func (d Dialect) String() string { return d.version }

// Proxy starts a proxy to a real Vault that changes its responses to those of another version.
func Proxy(target string, dialect Dialect) *httptest.Server {
	u, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ModifyResponse = func(r *http.Response) error {
		path := strings.TrimPrefix(r.Request.URL.Path, "/v1/")
		if !strings.Contains(r.Header.Get("Content-Type"), "json") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = dialect.translate(r, path, body)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	return httptest.NewServer(proxy)
}

func (d Dialect) translate(r *http.Response, path string, body []byte) []byte {
	var response map[string]any
	if json.Unmarshal(body, &response) != nil {
		return body
	}
	switch {
	case !d.issuers && strings.Contains(path, "/issuer/"):
		r.StatusCode, r.Status = http.StatusNotFound, "404 Not Found"
		response = map[string]any{"errors": []string{"1 error occurred:\n\t* unsupported path\n\n"}}
	case r.StatusCode == http.StatusForbidden && strings.Contains(string(body), "invalid token"):
		response = map[string]any{"errors": []string{d.deadToken}}
	case path == "sys/health":
		response["version"] = d.version
	case strings.Contains(path, "/roles/"):
		data, _ := response["data"].(map[string]any)
		for _, field := range d.lacks {
			delete(data, field)
		}
	}
	out, err := json.Marshal(response)
	if err != nil {
		return body
	}
	return out
}
