// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"io"
	"mime"
	"net"
	"net/http"
	"time"
)

// maxResponse is far more than any response of the PKI engine. A CRL of this size has about 100,000 entries.
const maxResponse = 4 << 20

func newTransport(c Config) *http.Transport {
	// In addition to the calls in flight there are at most a check, a login and a logout.
	connections := c.MaxInFlight + 3
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: c.Timeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        c.tlsConfig(),
		TLSHandshakeTimeout:    c.Timeout,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// guard rejects responses that are not from Vault's API: redirects, web pages, and bodies without limit. It hides
// CloseIdleConnections of the pool, which the library would call after every failure.
type guard struct{ next http.RoundTripper }

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	repeat, err := repeatable(r)
	if err != nil {
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusTemporaryRedirect {
		resp, err = g.follow(resp, repeat)
	}
	if err != nil {
		return nil, err
	}
	if wrong := unexpectedResponse(resp); wrong != nil {
		_ = resp.Body.Close()
		return nil, wrong
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: maxResponse}
	return resp, nil
}

func unexpectedResponse(resp *http.Response) error {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return &fault{problem: "the server returned a redirect", fix: "set server to Vault's address with the correct scheme"}
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" && resp.StatusCode < 500 {
		return &fault{problem: "the server returned a web page", fix: "set server to the address of Vault's API", page: true}
	}
	return nil
}

// limited returns an error at the limit, unlike io.LimitedReader, so that a truncated response is not taken for a
// complete one.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, &fault{problem: "the response is larger than 4 MiB", fix: "check that server is Vault's address"}
	}
	return n, err
}
