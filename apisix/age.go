// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
)

// MinVersion is the oldest APISIX whose Admin API a [Client] supports. Older versions have neither /ssls, nor lists in
// pages with their total, nor objects of the form {"key", "value"}: that is Admin API v3, and
// deployment.admin.admin_api_version can still select v2 instead.
const MinVersion = "3.0.0"

var (
	serverHeader = regexp.MustCompile(`^APISIX(/[0-9A-Za-z.\-]{1,32})?$`)
	before3      = regexp.MustCompile(`^APISIX/[0-2]\.`)
	since3       = regexp.MustCompile(`^APISIX/\d+\.`)
)

// server returns the version that APISIX reports, such as "APISIX/3.18.0". It returns "APISIX" with enable_server_tokens:
// false, and an empty string for another server.
func (a response) server() string {
	if name := a.header.Get("Server"); serverHeader.MatchString(name) {
		return name
	}
	return ""
}

// outdated reports whether the response is from an Admin API older than v3. It is false for a response without a sign of
// its version, such as the one to a wrong key.
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
		e.Message = e.Server + " is older than " + MinVersion + ", the minimum version"
	case since3.MatchString(e.Server):
		e.Message = e.Server + " responds as Admin API v2; v3 is required"
	default:
		e.Message = "the Admin API is older than v3"
	}
	return e
}

// IsOutdated reports whether the gateway's Admin API is older than v3. [IsNotAdminAPI] is then true as well.
func IsOutdated(err error) bool {
	e, ok := asAPIError(err)
	return ok && e.Outdated
}

// UpgradeHint returns how to upgrade or reconfigure an outdated gateway. It returns an empty string for other errors.
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

// probeID is the id of no object.
const probeID = "apisix-certs-is-this-ssl"

// explainNotFound returns err, or an outdated error where err is a 404 because the gateway is an APISIX before 3.0 that
// hides its version. Such a gateway has its objects under /ssl. It is recognized by a GET of an object that cannot exist,
// as a list could contain keys.
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
	old.Outdated, old.Message = true, "the Admin API is older than v3: it has /ssl and not /ssls"
	return &old
}
