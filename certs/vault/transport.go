// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

// maxAnswer is far more than any answer of the PKI engine; a CRL of it has about 100,000 entries.
const maxAnswer = 4 << 20

func newTransport(c Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        c.tlsConfig(),
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        c.MaxInFlight,
		MaxIdleConnsPerHost:    c.MaxInFlight,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// newAPIClient has its own token and shares the pool of connections.
func newAPIClient(c Config, pool http.RoundTripper, token string) (*api.Client, error) {
	client, err := api.NewClient(&api.Config{
		Address: c.Server, MaxRetries: 0, DisableRedirects: true,
		HttpClient: &http.Client{Transport: guard{pool}, CheckRedirect: noRedirect},
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
	})
	if err != nil {
		return nil, &fault{"the client could not be made", "check server, and the VAULT_ variables of the environment"}
	}
	// The library takes token, namespace, headers and wrapping from VAULT_ variables, which are not ours.
	headers := http.Header{api.RequestHeaderName: {"true"}, "User-Agent": {c.UserAgent}}
	if c.Namespace != "" {
		headers.Set(api.NamespaceHeaderName, c.Namespace)
	}
	client.SetHeaders(headers)
	client.SetToken(token)
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	return client, nil
}

// guard keeps out what is not Vault's: redirects, pages for people, and bodies without end. It hides the pool's
// CloseIdleConnections, which the library would call after every failure.
type guard struct{ next http.RoundTripper }

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if wrong := misplaced(resp); wrong != nil {
		_ = resp.Body.Close()
		return nil, wrong
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

func misplaced(resp *http.Response) error {
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return &fault{"the server answers with a redirect", "write the address of Vault itself in server, with the right scheme"}
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" && resp.StatusCode < 500 {
		return &fault{"the server answers with a web page", "write the address of Vault's API in server"}
	}
	return nil
}

// limited fails where an io.LimitedReader would end, so that a cut answer is not taken for a whole one.
type limited struct {
	io.ReadCloser
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, &fault{"the answer is larger than 4 MiB", "check that server is Vault's address"}
	}
	return n, err
}
