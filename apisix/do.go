// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-resty/resty/v2"
)

// request is one call of the Admin API, before an endpoint is chosen.
type request struct {
	method     string
	resource   string // "ssls"
	id         string // checked by ValidID, so it needs no escaping; empty for the list
	query      url.Values
	body       []byte // JSON, may contain keys
	limit      int    // of the response body in bytes
	unobserved bool   // set for a request that only explains the failure of another
}

func (r request) path() string {
	path := "/" + r.resource
	if r.id != "" {
		path += "/" + r.id
	}
	return path
}

// response is the outcome of a request. With an error, only what is known is set.
type response struct {
	request  request
	endpoint string // host:port
	attempts int
	status   int
	body     []byte
	header   http.Header
	duration time.Duration
}

// do sends the request to the endpoint that responded last, then to each of the others until one responds.
func (c *Client) do(ctx context.Context, r request) (response, error) {
	key, err := c.options.AdminKey.key(ctx)
	if err != nil {
		return response{}, err
	}
	endpoints := *c.endpoints.Load()
	first := int(c.last.Load())
	var a response
	for i := range endpoints {
		index := (first + i) % len(endpoints)
		a, err = c.attempt(ctx, endpoints[index], key, r)
		a.attempts = i + 1
		c.observe(a, err)
		if ctx.Err() != nil {
			break
		}
		if !mayTryNext(err) {
			c.last.Store(int64(index))
			break
		}
	}
	return a, err
}

// mayTryNext reports whether another endpoint may succeed: this one did not respond, or it is a proxy whose server did not.
// Repeating a write is harmless, as each write sets the same content.
func mayTryNext(err error) bool {
	e, ok := asAPIError(err)
	if !ok {
		return err != nil
	}
	switch e.Status {
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	case http.StatusServiceUnavailable:
		return !conflict(e)
	}
	return false
}

func (c *Client) attempt(ctx context.Context, endpoint, key string, r request) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	a := response{request: r, endpoint: hostPort(endpoint)}
	call := c.http.R().SetContext(ctx).
		SetHeader("X-API-KEY", key).
		SetQueryParamsFromValues(r.query).
		SetResponseBodyLimit(max(r.limit, 1))
	if r.body != nil {
		call.SetHeader("Content-Type", "application/json").SetBody(r.body)
	}
	response, err := call.Execute(r.method, endpoint+r.path())
	if response != nil {
		a.duration = max(response.Time(), 0)
	}
	if errors.Is(err, resty.ErrResponseBodyTooLarge) {
		a.status = response.StatusCode()
		return a, a.notAdminAPI("the response is too long")
	}
	if err != nil {
		return a, &NetworkError{Endpoint: a.endpoint, Method: r.method, Path: r.path(), Err: err}
	}
	a.status, a.header, a.body = response.StatusCode(), response.Header(), response.Body()
	return a, a.check(key)
}

func (c *Client) observe(a response, err error) {
	if c.options.Observe == nil || a.request.unobserved {
		return
	}
	c.options.Observe(Call{
		Method: a.request.method, Resource: a.request.resource, Endpoint: a.endpoint,
		Status: a.status, Duration: a.duration, Err: err,
	})
}

func hostPort(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}
