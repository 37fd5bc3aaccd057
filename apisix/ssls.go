// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
)

const (
	pageSize    = 500 // the maximum of APISIX
	listTries   = 3
	objectLimit = 2 << 20
	listLimit   = 64 << 20
	noObject    = "the response is not about this ssl object"
	noList      = "the response is not a list of ssl objects"
)

// GetSSL returns the object without its keys, which APISIX does not return. If the object does not exist, [IsNotFound] is
// true for the error. Otherwise the error is an *IDError, or as for [Client.PutSSL].
func (c *Client) GetSSL(ctx context.Context, id string) (*SSL, error) {
	response, err := c.object(ctx, http.MethodGet, id, nil)
	if err != nil {
		return nil, err
	}
	ssl, ok := read[node](response.body).ssl()
	if !ok {
		return nil, response.notAdminAPI(noObject)
	}
	return &ssl, nil
}

// PutSSL creates or replaces the object. created reports whether the object was new. If an endpoint failed and another one
// completed the request, created may be false for a new object.
//
// The error is an *IDError, a *KeyError, an *APIError or a *NetworkError.
func (c *Client) PutSSL(ctx context.Context, ssl SSL) (created bool, err error) {
	body, err := json.Marshal(ssl)
	if err != nil {
		return false, err
	}
	response, err := c.object(ctx, http.MethodPut, ssl.ID, body)
	if err != nil {
		return false, err
	}
	return response.status == http.StatusCreated, nil
}

// PatchSSL changes the fields that the patch sets. A concurrent write of the object may cause a conflict; see [IsConflict].
// Errors are as for [Client.PutSSL].
func (c *Client) PatchSSL(ctx context.Context, id string, patch SSLPatch) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = c.object(ctx, http.MethodPatch, id, body)
	return err
}

// CheckWrite checks whether the client may write ssl objects, without changing any: it sends a PATCH without a body, which
// APISIX rejects with 400 before it looks up the object. The error is one for which [IsForbidden] or [IsUnauthorized] is
// true, a 405 of a proxy that blocks PATCH, a *KeyError or a *NetworkError.
func (c *Client) CheckWrite(ctx context.Context) error {
	_, err := c.do(ctx, request{method: http.MethodPatch, resource: "ssls", id: probeID, limit: objectLimit})
	if e, ok := asAPIError(err); ok && !IsForbidden(e) && !IsUnauthorized(e) && e.Status != http.StatusMethodNotAllowed {
		return nil
	}
	return err
}

// DeleteSSL deletes the object. If it does not exist, [IsNotFound] is true for the error. After an attempt to which another
// endpoint did not respond, a missing object is not an error, as that attempt may have deleted it. Other errors are as for
// [Client.PutSSL].
func (c *Client) DeleteSSL(ctx context.Context, id string) error {
	response, err := c.object(ctx, http.MethodDelete, id, nil)
	if IsNotFound(err) && response.attempts > 1 {
		return nil
	}
	return err
}

// object makes a request for one ssl object.
func (c *Client) object(ctx context.Context, method, id string, body []byte) (response, error) {
	if err := ValidID(id); err != nil {
		return response{}, err
	}
	a, err := c.do(ctx, request{method: method, resource: "ssls", id: id, body: body, limit: objectLimit})
	if err == nil && path.Base(read[node](a.body).Key) != id {
		return a, a.notAdminAPI(noObject)
	}
	return a, c.explainNotFound(ctx, err)
}

// ListSSLs returns all ssl objects without their keys, including those of other owners, ordered by etcd key. A field of an
// unexpected type is left empty, and an entry that is not an object is skipped. If nothing in a list can be read, the
// result is an error for which [IsNotAdminAPI] is true, never an empty list.
//
// Pages are read one after the other, so an object that is deleted in between would hide one of the next page. If the total
// changes, the list is therefore read again, up to twice. Errors are as for [Client.PutSSL].
func (c *Client) ListSSLs(ctx context.Context) ([]SSL, error) {
	return ListSSLsAs(ctx, c, func(ssl *SSL) SSL { return *ssl })
}

// ListSSLsAs is [Client.ListSSLs] for callers that need few fields: memory holds one page, and otherwise only what keep
// returns for each object.
func ListSSLsAs[T any](ctx context.Context, c *Client, keep func(*SSL) T) ([]T, error) {
	var ssls []T
	for range listTries {
		var steady bool
		var err error
		if ssls, steady, err = listOnce(ctx, c, keep); err != nil || steady {
			return ssls, err
		}
	}
	return ssls, nil
}

// listOnce reports whether all pages had the same total and as many objects.
func listOnce[T any](ctx context.Context, c *Client, keep func(*SSL) T) (ssls []T, steady bool, err error) {
	seen := map[string]bool{}
	first := -1
	for number := 1; ; number++ {
		p, err := c.page(ctx, number, pageSize)
		if err != nil {
			return nil, false, c.explainNotFound(ctx, err)
		}
		if first < 0 {
			first = p.total
		}
		for i, n := range p.nodes {
			if ssl, ok := n.ssl(); ok && !seen[n.Key] {
				ssls = append(ssls, keep(&ssl))
			}
			seen[cmp.Or(n.Key, fmt.Sprint(number, " ", i))] = true
		}
		if len(p.nodes) == 0 || number*pageSize >= p.total {
			return ssls, p.total == first && len(seen) == p.total, nil
		}
	}
}

type page struct {
	nodes []node
	total int
}

func (c *Client) page(ctx context.Context, number, size int) (page, error) {
	response, err := c.do(ctx, request{
		method: http.MethodGet, resource: "ssls", limit: listLimit,
		// Both are needed: APISIX ignores one without the other.
		query: url.Values{"page": {strconv.Itoa(number)}, "page_size": {strconv.Itoa(size)}},
	})
	if err != nil {
		return page{}, err
	}
	var list struct {
		List  json.RawMessage `json:"list"`
		Total *int            `json:"total"`
	}
	if err := json.Unmarshal(response.body, &list); err != nil || list.Total == nil {
		return page{}, response.notAdminAPI(noList)
	}
	nodes, ok := nodesOf(list.List)
	if !ok || len(nodes) == 0 && *list.Total > (number-1)*size {
		return page{}, response.notAdminAPI(noList)
	}
	return page{nodes: nodes, total: *list.Total}, nil
}

// nodesOf reads the entries of a page one by one, so that an unreadable one hides no other. ok is false if this is not a
// list of objects: an unreadable list must never count as that of an empty gateway. APISIX encodes a page past the end as
// {} and not [], and may omit an empty one.
func nodesOf(list json.RawMessage) (nodes []node, ok bool) {
	if fields := read[map[string]json.RawMessage](list); len(list) == 0 || string(list) == "null" || fields != nil {
		return nil, len(fields) == 0
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(list, &entries); err != nil {
		return nil, false
	}
	readable := len(entries) == 0
	for _, entry := range entries {
		n := read[node](entry)
		readable = readable || n.Key != ""
		nodes = append(nodes, n)
	}
	return nodes, readable
}
