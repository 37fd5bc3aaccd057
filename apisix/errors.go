// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// APIError is an answer of the Admin API other than success, or an answer that did not come from it.
type APIError struct {
	Status   int    // HTTP status
	Message  string // what APISIX says is wrong, cut and without key material; may be empty
	Endpoint string // host:port
	Method   string
	Path     string // path below the endpoint, "/ssls/ID"

	// Foreign is set where the answer is not one that the ssl handler of the Admin API gives: HTML of a proxy
	// or of a gateway without this API, a redirect, a body that is no JSON of an ssl object.
	NotAdminAPI bool
	// Outdated is set, as Foreign is, where it is that of an Admin API older than v3. See [LeastVersion].
	Outdated bool
	// Server is what APISIX says of its version, "APISIX/3.18.0"; empty where nothing is said.
	Server string
}

func (e *APIError) Error() string {
	message := e.Message
	if message == "" {
		message = http.StatusText(e.Status)
	}
	return fmt.Sprintf("%s %s at %s: %d %s", e.Method, e.Path, e.Endpoint, e.Status, message)
}

// NetworkError says that no endpoint gave a whole answer. A write may have been applied nevertheless.
type NetworkError struct {
	Endpoint string // host:port of the last attempt
	Method   string
	Path     string
	Err      error // the cause
}

// Error leaves out what changes from one attempt to the next, such as the port of the client.
func (e *NetworkError) Error() string {
	return fmt.Sprintf("%s %s at %s: %s", e.Method, e.Path, e.Endpoint, stableCause(e.Err))
}

func (e *NetworkError) Unwrap() error { return e.Err }

// IsNotFound tells whether the object does not exist. A 404 of anything but the ssl handler is no such answer.
func IsNotFound(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Status == http.StatusNotFound && !e.NotAdminAPI
}

// IsUnauthorized tells whether the admin key is missing or wrong (401).
func IsUnauthorized(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Status == http.StatusUnauthorized && !viewerKey(e)
}

// IsForbidden tells whether the caller may not do this: its address is not in the gateway's allow_admin list
// (403), or the key is one of a viewer (which APISIX answers with 401 too).
func IsForbidden(err error) bool {
	e, ok := asAPIError(err)
	return ok && (e.Status == http.StatusForbidden || viewerKey(e))
}

// IsReadOnly reports whether the key is one of a viewer, which may not write. Such an answer is forbidden, too.
func IsReadOnly(err error) bool {
	e, ok := asAPIError(err)
	return ok && viewerKey(e)
}

// IsConflict tells whether somebody wrote the object during a PATCH. It is no failure: read the object again, and
// be done where it holds what was wanted. A conflict is unavailable too, so ask this first.
func IsConflict(err error) bool {
	e, ok := asAPIError(err)
	return ok && conflict(e)
}

// IsUnavailable tells whether the same request may succeed later: 5xx, 429, or no answer.
func IsUnavailable(err error) bool {
	if e, ok := asAPIError(err); ok {
		return e.Status >= 500 || e.Status == http.StatusTooManyRequests
	}
	var network *NetworkError
	return errors.As(err, &network)
}

// IsForeign tells whether the answer did not come from the ssl handler of an Admin API v3: a wrong URL, a proxy, or a
// gateway that is too old (see [IsOutdated]) or in standalone mode. A page of nginx with a 5xx is foreign and unavailable, so ask [IsUnavailable] first.
func IsNotAdminAPI(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.NotAdminAPI
}

func asAPIError(err error) (*APIError, bool) {
	var e *APIError
	ok := errors.As(err, &e)
	return e, ok
}

// APISIX gives no code, so its own message tells these from other 503 and 401 answers.
func conflict(e *APIError) bool {
	return e.Status == http.StatusServiceUnavailable && strings.Contains(e.Message, "value changed before overwritten")
}

func viewerKey(e *APIError) bool {
	return e.Status == http.StatusUnauthorized && strings.Contains(e.Message, "invalid method for role")
}
