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

const (
	adminPath = "/apisix/admin"
	bodyLimit = 1536 << 10
)

// call is a request of the Admin API, taken apart.
type call struct {
	*http.Request
	resource string   // "ssls"
	id       string   // "" for none; of secrets "vault/1"
	sub      []string // path below the object
	body     []byte
	value    any       // of the JSON body, nil without one
	expires  time.Time // from the ttl of a PUT or POST, zero for never
}

// serveAdmin is the Admin API with its log and its faults.
func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request) {
	latency, failure := s.faults.take(r)
	if failure != nil {
		latency += failure.Delay
	}
	pause(r, latency)
	var answer reply
	if failure == nil || failure.After {
		answer = conditional(r, s.answer(r))
	}
	if failure != nil {
		answer = failure.reply()
	}
	s.record(r, answer.status)
	if failure != nil && failure.Drop {
		panic(http.ErrAbortHandler)
	}
	answer.write(w)
}

func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

func (f Failure) reply() reply {
	contentType := typeJSON
	if f.HTML {
		contentType = typeHTML
	}
	status := f.Status
	if status == 0 && !f.Drop {
		status = http.StatusInternalServerError
	}
	return reply{status: status, contentType: contentType, body: []byte(f.Body)}
}

func (s *Server) record(r *http.Request, status int) {
	_, id, _ := split(r.URL.Path)
	s.calls.add(Call{Method: r.Method, Path: r.URL.Path, ID: id, Status: status, Time: s.options.Clock.Now()})
	s.log.Debug("admin api", "method", r.Method, "path", r.URL.Path, "status", status)
}

// split takes a path below /apisix/admin apart.
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

// nginxPath resolves . and .. as nginx does, which leaves the slash before them.
func nginxPath(p string) string {
	clean := path.Clean(p)
	if last := p[strings.LastIndexByte(p, '/')+1:]; clean != "/" && (last == "" || last == "." || last == "..") {
		clean += "/"
	}
	return clean
}

// answer is the Admin API without log and faults.
func (s *Server) answer(r *http.Request) reply {
	urlPath := nginxPath(r.URL.Path)
	switch {
	case strings.ContainsRune(urlPath, 0):
		return page(http.StatusBadRequest)
	case r.Method == http.MethodTrace:
		return page(http.StatusMethodNotAllowed)
	case r.Method == http.MethodHead && urlPath == adminPath:
		return emptyReply(http.StatusOK)
	case !strings.HasPrefix(urlPath, adminPath+"/"):
		return page(http.StatusNotFound)
	case r.Method == http.MethodOptions:
		return reply{status: http.StatusOK, contentType: typeText}
	}
	if answer, ok := s.authorise(r); !ok {
		return answer
	}
	c := &call{Request: r}
	c.resource, c.id, c.sub = split(urlPath)
	for _, id := range s.store.expire(s.options.Clock.Now()) {
		s.served.remove(id)
	}
	if s.options.Standalone {
		return s.standalone(c)
	}
	return s.etcdMode(c)
}

// authorise takes the key from the header, the query or a cookie, in this order.
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

// etcdMode hands the request to its resource.
func (s *Server) etcdMode(c *call) reply {
	switch c.Method {
	case http.MethodGet, http.MethodDelete:
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		if c.resource == "" {
			return page(http.StatusInternalServerError)
		}
		if answer, ok := c.readBody(bodyLimit); !ok {
			return answer
		}
	default:
		return page(http.StatusNotFound)
	}
	switch {
	case c.resource == "ssls":
		return s.ssls(c)
	case c.resource == "schema" && c.id == "validate":
		return validateSchema(c)
	case c.resource == "schema":
		return schemaOf(c.id).versioned()
	case c.resource == "configs" && c.id == "validate":
		return s.validateConfigs(c)
	case c.resource == "plugins":
		return plugins(c)
	case neighbours[c.resource]:
		return s.neighbour(c).versioned()
	}
	return refused(http.StatusNotFound, "Unsupported resource type: %s", c.resource)
}

// readBody reads and decodes the body. Malformed JSON comes back in req_body, as in APISIX.
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

// ttl returns when the object of a PUT or POST expires, zero for never.
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
