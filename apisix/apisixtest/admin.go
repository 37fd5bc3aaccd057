// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"net/http"
	"strings"
	"time"
)

const (
	adminPath = "/apisix/admin"
	bodyLimit = 1536 << 10
)

// serveAdmin is the Admin API with its call log and its faults.
func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request) {
	latency, failure := s.faults.take(r)
	if failure != nil {
		latency += failure.Delay
	}
	pause(r, latency)
	var response reply
	if failure == nil || failure.After {
		response = conditional(r, s.respondAs(r))
	}
	if failure != nil {
		response = failure.reply()
	}
	s.record(r, response.status)
	if failure != nil && failure.Drop {
		panic(http.ErrAbortHandler)
	}
	response.write(w)
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

// respond is the Admin API without call log and faults.
func (s *Server) respond(r *http.Request) reply {
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
	if response, ok := s.authorise(r); !ok {
		return response
	}
	c := &call{Request: r}
	c.resource, c.id, c.sub = split(urlPath)
	s.expire()
	if s.options.Standalone {
		return s.standalone(c)
	}
	return s.etcdMode(c)
}

// expire removes objects whose ttl has passed, on both ports.
func (s *Server) expire() { s.store.expire(s.options.Clock.Now(), s.served.remove) }

// etcdMode routes the request to its resource.
func (s *Server) etcdMode(c *call) reply {
	switch c.Method {
	case http.MethodGet, http.MethodDelete:
	case http.MethodPut, http.MethodPost, http.MethodPatch:
		if c.resource == "" {
			return page(http.StatusInternalServerError)
		}
		if response, ok := c.readBody(bodyLimit); !ok {
			return response
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
	case otherResources[c.resource]:
		return s.otherResource(c).versioned()
	}
	return refused(http.StatusNotFound, "Unsupported resource type: %s", c.resource)
}
