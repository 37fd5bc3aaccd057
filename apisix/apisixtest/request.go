// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
)

// split parses a path below /apisix/admin.
func split(urlPath string) (resource, id string, sub []string) {
	parts := strings.Split(strings.TrimPrefix(urlPath, adminPath+"/"), "/")
	if len(parts) > 2 && parts[0] == "secrets" {
		parts = append([]string{parts[0], parts[1] + "/" + parts[2]}, parts[3:]...)
	}
	resource = parts[0]
	if len(parts) > 1 {
		id = parts[1]
	}
	if len(parts) > 2 {
		sub = parts[2:]
	}
	return resource, id, sub
}

// nginxPath resolves . and .. as nginx does, which preserves the slash before them.
func nginxPath(p string) string {
	clean := path.Clean(p)
	if last := p[strings.LastIndexByte(p, '/')+1:]; clean != "/" && (last == "" || last == "." || last == "..") {
		clean += "/"
	}
	return clean
}

// authorise reads the key from the header, the query or a cookie, in this order.
func (s *Server) authorise(r *http.Request) (reply, bool) {
	deny := func(description string) (reply, bool) {
		return jsonReply(http.StatusUnauthorized, map[string]string{
			"error_msg": "failed to check token", "description": description,
		}), false
	}
	key, there := "", true
	if values := r.Header.Values("X-Api-Key"); len(values) > 0 {
		key = values[0]
	} else if values := r.URL.Query()["api_key"]; len(values) > 0 {
		key = values[0]
	} else if cookie, err := r.Cookie("x_api_key"); err == nil {
		key = cookie.Value
	} else {
		there = false
	}
	switch {
	case !there:
		return deny("missing apikey")
	case key == s.options.AdminKey:
		return reply{}, true
	case key != s.options.ViewerKey:
		return deny("wrong apikey")
	case r.Method != http.MethodGet:
		return deny("invalid method for role viewer")
	}
	return reply{}, true
}

// call is a parsed request of the Admin API.
type call struct {
	*http.Request
	resource string   // "ssls"
	id       string   // "" for none; of secrets "vault/1"
	sub      []string // path below the object
	body     []byte
	value    any       // of the JSON body, nil without one
	expires  time.Time // from the ttl of a PUT or POST, zero for never
}

// readBody reads and decodes the body. As in APISIX, malformed JSON is returned in req_body.
func (c *call) readBody(limit int64) (reply, bool) {
	data, err := io.ReadAll(c.Body)
	if err != nil {
		return page(http.StatusBadRequest), false
	}
	if size := int64(len(data)); size > limit {
		return refused(http.StatusBadRequest,
			"invalid request body: request size %d is greater than the maximum size %d allowed", size, limit), false
	}
	c.body = data
	if len(data) == 0 {
		return reply{}, true
	}
	value, fault := decode(data)
	if fault != "" {
		return jsonReply(http.StatusBadRequest, map[string]string{
			"error_msg": "invalid request body: " + fault, "req_body": string(data),
		}), false
	}
	c.value = value
	return reply{}, true
}

// ttl returns when the object of a PUT or POST expires; zero means never.
func (c *call) ttl(now time.Time) (expires time.Time, fault string) {
	text := c.URL.Query().Get("ttl")
	if text == "" {
		return time.Time{}, ""
	}
	var seconds float64
	if _, err := fmt.Sscan(text, &seconds); err != nil {
		return time.Time{}, "invalid argument ttl: should be a number"
	}
	return now.Add(time.Duration(seconds * float64(time.Second))), ""
}
