// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
)

// Client is a client of the Admin API of one gateway. It is safe for concurrent use and has a connection pool, so create
// one per gateway with [New] and reuse it.
type Client struct {
	options   Options // without the endpoints
	endpoints atomic.Pointer[[]string]
	http      *resty.Client
	last      atomic.Int64 // index of the endpoint that responded last
}

// New returns a client, or an error that joins all problems of the options. It makes no request.
func New(options Options) (*Client, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{options: options, http: newHTTP(options)}
	c.endpoints.Store(&options.Endpoints)
	return c, nil
}

// SetEndpoints replaces the endpoints for later requests; see [Options]. Connections to endpoints that are in both lists
// stay open. If an endpoint is invalid, the error lists all problems and nothing is changed.
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
		// Following a redirect would send the admin key and private keys to another server.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).
		SetLogger(silent{}).
		SetHeader("User-Agent", options.UserAgent)
}

// Close closes idle connections. The client can still be used afterwards.
func (c *Client) Close() { c.http.GetClient().CloseIdleConnections() }

// silent discards what resty logs.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// Mode is how a gateway is configured.
type Mode string

// The modes of a gateway that has an Admin API.
const (
	ModeUnknown    Mode = ""           // not known yet, or there is no Admin API
	ModeEtcd       Mode = "etcd"       // ssl objects are written one by one under /apisix/admin/ssls
	ModeStandalone Mode = "standalone" // API-driven standalone mode: the whole configuration is written at once under /apisix/admin/configs
)

// Probe returns whether the gateway has ssl objects or is in API-driven standalone mode. It requests a page of ssl objects.
// If that API does not exist, it requests the headers of /apisix/admin/configs, but not the body, which contains every
// private key.
//
// The error is a *KeyError, an *APIError or a *NetworkError. [IsNotAdminAPI] is true for it where the URL is not that of an
// Admin API, and [IsOutdated] where the Admin API is older than v3.
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
