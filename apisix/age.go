// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
)

// LeastVersion is the oldest APISIX whose Admin API a [Client] speaks. Since then there are /ssls, lists in pages with their total, and
// objects as {"key", "value"}: Admin API v3, which deployment.admin.admin_api_version can still set back to v2.
const MinVersion = "3.0.0"

var (
	serverHeader = regexp.MustCompile(`^APISIX(/[0-9A-Za-z.\-]{1,32})?$`)
	before3      = regexp.MustCompile(`^APISIX/[0-2]\.`)
	since3       = regexp.MustCompile(`^APISIX/\d+\.`)
)

// server is what APISIX says of its version, "APISIX/3.18.0"; "APISIX" with enable_server_tokens: false, empty where it is another server.
func (a response) server() string {
	if name := a.header.Get("Server"); serverHeader.MatchString(name) {
		return name
	}
	return ""
}

// outdated reports whether the answer is of an Admin API older than v3. One that says nothing of its age, such as that to a wrong key, is not.
func (a response) outdated() bool {
	switch {
	case a.status >= 500, a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusTooManyRequests:
		return false
	case a.header.Get("X-Api-Version") == "v2", before3.MatchString(a.server()):
		return true
	}
	object := read[map[string]json.RawMessage](a.body)
	return object["list"] == nil && object["value"] == nil && read[map[string]json.RawMessage](object["node"]) != nil
}

func (a response) outdatedError() *APIError {
	e := a.notAdminAPI("")
	e.Outdated = true
	switch {
	case before3.MatchString(e.Server):
		e.Message = e.Server + " is older than " + MinVersion + ", the least version"
	case since3.MatchString(e.Server):
		e.Message = e.Server + " answers as Admin API v2, and v3 is needed"
	default:
		e.Message = "an Admin API older than v3 answers"
	}
	return e
}

// IsOutdated reports whether the gateway's Admin API is older than v3. Such an answer is foreign, too.
func IsOutdated(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Outdated
}

// UpgradeOf says what to do about an outdated gateway. Empty for other errors.
func UpgradeHint(err error) string {
	e, ok := asAPIError(err)
	switch {
	case !ok || !e.Outdated:
		return ""
	case before3.MatchString(e.Server):
		return "upgrade the gateway to APISIX " + MinVersion + " or later"
	case since3.MatchString(e.Server):
		return "set deployment.admin.admin_api_version to v3 in the gateway's config.yaml, and reload it"
	}
	return "run APISIX " + MinVersion + " or later, with deployment.admin.admin_api_version: v3"
}

// nowhere is the id of no object.
const probeID = "apisix-certs-is-this-ssl"

// agedOr returns err, unless it says that there is no /ssls and an APISIX before 3.0 that hides its version answers: that has its objects
// under /ssl. An object that cannot be is asked for, as a list would have keys in it.
func (c *Client) explainNotFound(ctx context.Context, err error) error {
	e, ok := asAPIError(err)
	if !ok || !e.NotAdminAPI || e.Outdated || e.Status != http.StatusNotFound {
		return err
	}
	_, other := c.do(ctx, request{method: http.MethodGet, resource: "ssl", id: probeID, limit: objectLimit, unobserved: true})
	if !IsNotFound(other) {
		return err
	}
	old := *e
	old.Outdated, old.Message = true, "an Admin API older than v3 answers: it has /ssl and not /ssls"
	return &old
}
