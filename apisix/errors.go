// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// APIError is a response of the Admin API other than success, or a response that is not from an Admin API.
type APIError struct {
	Status   int    // HTTP status
	Message  string // what APISIX reports, truncated and without key material; may be empty
	Endpoint string // host:port
	Method   string
	Path     string // path below the endpoint, "/ssls/ID"

	// NotAdminAPI is set where the response is not one of the Admin API's ssl handler: HTML of a proxy or of a gateway
	// without this API, a redirect, or a body that is not JSON of an ssl object.
	NotAdminAPI bool
	// Outdated is set, together with NotAdminAPI, where the Admin API is older than v3. See [MinVersion].
	Outdated bool
	// Server is the version that APISIX reports, such as "APISIX/3.18.0". Empty means that none is reported.
	Server string
}

func (e *APIError) Error() string {
	message := e.Message
	if message == "" {
		message = http.StatusText(e.Status)
	}
	return fmt.Sprintf("%s %s at %s: %d %s", e.Method, e.Path, e.Endpoint, e.Status, message)
}

// NetworkError means that no endpoint sent a complete response. A write may have been applied nevertheless.
type NetworkError struct {
	Endpoint string // host:port of the last attempt
	Method   string
	Path     string
	Err      error // the cause
}

// Error omits what differs between attempts, such as the client's port.
func (e *NetworkError) Error() string {
	return fmt.Sprintf("%s %s at %s: %s", e.Method, e.Path, e.Endpoint, stableCause(e.Err))
}

func (e *NetworkError) Unwrap() error { return e.Err }

// IsNotFound reports whether the object does not exist. It is false for a 404 that is not from the ssl handler.
func IsNotFound(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Status == http.StatusNotFound && !e.NotAdminAPI
}

// IsUnauthorized reports whether the admin key is missing or wrong (401).
func IsUnauthorized(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Status == http.StatusUnauthorized && !viewerKey(e)
}

// IsForbidden reports whether the client is not allowed to make the request: its address is not in the gateway's
// allow_admin list (403), or the key is one of a viewer (401).
func IsForbidden(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusForbidden || viewerKey(e))
}

// IsReadOnly reports whether the key is one of a viewer, which cannot write. [IsForbidden] is then true as well.
func IsReadOnly(err error) bool {
	e, ok := asAPIError(err)
	return ok && viewerKey(e)
}

// IsConflict reports whether another client wrote the object during a PATCH. This is not a failure: read the object again,
// and do nothing if it already has the wanted content. [IsUnavailable] is true for a conflict as well, so check IsConflict
// first.
func IsConflict(err error) bool {
	e, ok := asAPIError(err)
	return ok && conflict(e)
}

// IsUnavailable reports whether the same request may succeed later: 5xx, 429, or no response.
func IsUnavailable(err error) bool {
	if e, ok := asAPIError(err); ok {
		return e.Status >= 500 || e.Status == http.StatusTooManyRequests
	}
	var network *NetworkError
	return errors.As(err, &network)
}

// IsNotAdminAPI reports whether the response is not from the ssl handler of an Admin API v3: the URL is wrong, a proxy
// responded, or the gateway is too old (see [IsOutdated]) or in standalone mode. [IsUnavailable] is true as well for a 5xx
// page of nginx, so check that first.
func IsNotAdminAPI(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.NotAdminAPI
}

func asAPIError(err error) (*APIError, bool) {
	var e *APIError
	ok := errors.As(err, &e)
	return e, ok
}

// conflict compares the message, as APISIX has no error codes that distinguish this from other 503 responses.
func conflict(e *APIError) bool {
	return e.Status == http.StatusServiceUnavailable && strings.Contains(e.Message, "value changed before overwritten")
}

func viewerKey(e *APIError) bool {
	return e.Status == http.StatusUnauthorized && strings.Contains(e.Message, "invalid method for role")
}
