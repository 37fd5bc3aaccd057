// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
)

// Client talks to the Admin API of one gateway. It is safe for concurrent use and keeps a pool of connections; make
// one per gateway with [New] and keep it.
type Client struct {
	options   Options // but for the endpoints
	endpoints atomic.Pointer[[]string]
	http      *resty.Client
	last      atomic.Int64 // index of the endpoint that answered last
}

// New returns a client, or all problems of the options at once. It makes no request.
func New(options Options) (*Client, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{options: options, http: newHTTP(options)}
	c.endpoints.Store(&options.Endpoints)
	return c, nil
}

// SetEndpoints replaces the endpoints, as [Options] has them, from the next request on. Connections to those that stay
// are kept. With an error, which tells all that is wrong with them, nothing is changed.
func (c *Client) SetEndpoints(endpoints []string) error {
	normalised, err := normaliseAll(endpoints)
	if err == nil {
		c.endpoints.Store(&normalised)
	}
	return err
}

func newHTTP(options Options) *resty.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = options.TLS.Clone()
	transport.MaxIdleConnsPerHost = 16
	transport.ResponseHeaderTimeout = options.Timeout
	transport.TLSHandshakeTimeout = min(options.Timeout, 10*time.Second)
	return resty.NewWithClient(&http.Client{
		Transport: transport,
		// A redirect would carry the key and the private keys to somewhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).
		SetLogger(silent{}).
		SetHeader("User-Agent", options.UserAgent)
}

// Close closes the idle connections of the pool. The client can be used afterwards.
func (c *Client) Close() { c.http.GetClient().CloseIdleConnections() }

// silent drops what resty logs.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// Mode tells how a gateway takes its configuration.
type Mode string

// The modes of a gateway that has an Admin API.
const (
	ModeUnknown    Mode = ""           // not told yet, or no Admin API
	ModeEtcd       Mode = "etcd"       // ssl objects are written one by one under /apisix/admin/ssls
	ModeStandalone Mode = "standalone" // API-driven standalone: the whole configuration at once under /apisix/admin/configs
)

// Probe tells whether the gateway has ssl objects, or is in API-driven standalone mode. It asks for a page of ssl
// objects and, where there is no such API, for the headers of /apisix/admin/configs; never for its body, which holds
// every private key.
//
// The error is a *KeyError, an *APIError or a *NetworkError; it is a foreign one where the URL is that of no Admin API, and an outdated one
// where that is older than v3.
func (c *Client) Probe(ctx context.Context) (Mode, error) {
	_, err := c.page(ctx, 1, 10)
	if err == nil {
		return ModeEtcd, nil
	}
	if e, ok := asAPIError(err); !ok || !e.NotAdminAPI || e.Status != http.StatusNotFound {
		return ModeUnknown, err
	}
	if _, configsErr := c.do(ctx, request{method: http.MethodHead, resource: "configs"}); configsErr != nil {
		return ModeUnknown, c.explainNotFound(ctx, err)
	}
	return ModeStandalone, nil
}
