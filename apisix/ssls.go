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
	pageSize    = 500 // the most that APISIX takes
	listTries   = 3
	objectLimit = 2 << 20
	listLimit   = 64 << 20
	noObject    = "the answer is not about this ssl object"
	noList      = "the answer is no list of ssl objects"
)

// GetSSL returns the object without its keys, which APISIX does not give.
// The error is an *IDError, or see [Client.PutSSL]; [IsNotFound] tells where there is no such object.
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

// PutSSL creates the object, or replaces it whole. It reports whether it was created; where an endpoint failed on the
// way and another took over, an object that the first one created counts as replaced.
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

// PatchSSL changes the fields of the object that the patch has. A patch beside another write of the object may end
// in a conflict, see [IsConflict]. Errors are as those of [Client.PutSSL].
func (c *Client) PatchSSL(ctx context.Context, id string, patch SSLPatch) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	_, err = c.object(ctx, http.MethodPatch, id, body)
	return err
}

// CheckWrite asks whether ssl objects may be written, and changes none: it sends a PATCH without a body, which APISIX answers with 400 before
// it looks for the object. The error is one of [IsForbidden] or [IsUnauthorized], of a proxy that lets no PATCH through (405), or a
// *KeyError or *NetworkError.
func (c *Client) CheckWrite(ctx context.Context) error {
	_, err := c.do(ctx, request{method: http.MethodPatch, resource: "ssls", id: probeID, limit: objectLimit})
	if e, ok := asAPIError(err); ok && !IsForbidden(e) && !IsUnauthorized(e) && e.Status != http.StatusMethodNotAllowed {
		return nil
	}
	return err
}

// DeleteSSL deletes the object. [IsNotFound] tells where there was none; after an attempt that another endpoint did not
// answer this counts as done, as that one may have deleted it. Other errors are as those of [Client.PutSSL].
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

// ListSSLs returns all ssl objects without their keys, those of others too, in the order of their etcd keys. A field of
// an unknown kind is left empty, an entry that is no object is left out. A list of which nothing can be read is a foreign answer, and never
// an empty list.
//
// Pages are read one after the other, so an object deleted meanwhile would hide one of the next page: the list is read
// again, up to twice, where its total changed. Errors are as those of [Client.PutSSL].
func (c *Client) ListSSLs(ctx context.Context) ([]SSL, error) {
	return ListSSLsAs(ctx, c, func(ssl *SSL) SSL { return *ssl })
}

// ListSSLsAs is [Client.ListSSLs] for who needs little of each object: only what keep makes of them is held in memory, and one page.
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

// listOnce reports whether all pages told the same total and held as many objects.
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

// nodesOf reads the entries of a page, one by one, so that an odd one hides no other. ok is false for what is no list of objects: an
// unreadable list must never pass for that of an empty gateway. A page past the end is {} and not [], and Lua may leave out an empty one.
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
