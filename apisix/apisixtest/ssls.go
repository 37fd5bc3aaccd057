// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"
)

var (
	errMissingID = refused(http.StatusBadRequest, "missing ssl id")
	errWrongID   = refused(http.StatusBadRequest, "wrong ssl id")
)

// ssls is /apisix/admin/ssls.
func (s *Server) ssls(c *call) reply {
	expires, fault := c.ttl(s.options.Clock.Now())
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	c.expires = expires
	return s.sslMethod(c).versioned()
}

func (s *Server) sslMethod(c *call) reply {
	switch c.Method {
	case http.MethodGet:
		return s.read(c)
	case http.MethodPut:
		return s.putSSL(c)
	case http.MethodPost:
		return s.postSSL(c)
	case http.MethodPatch:
		return s.patchSSL(c)
	}
	if c.id == "" {
		return errMissingID
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if !s.store.remove("ssls", c.id) {
		return keyNotFound()
	}
	s.served.remove(c.id)
	return deleted("ssls", c.id)
}

func deleted(resource, id string) reply {
	return jsonReply(http.StatusOK, map[string]string{"deleted": "1", "key": etcdKey(resource, id)})
}

// read is GET of one object or of a list.
func (s *Server) read(c *call) reply {
	if c.id == "" {
		return s.list(c, c.resource, "")
	}
	o := s.store.get(c.resource, c.id)
	if o == nil {
		return keyNotFound()
	}
	return reply{status: http.StatusOK, contentType: typeJSON, body: o.shown}
}

// conf returns the object of a PUT or POST. Any other JSON value causes an error in the Lua code of APISIX.
func (c *call) conf() (map[string]any, reply, bool) {
	if len(c.body) == 0 {
		return nil, refused(http.StatusBadRequest, "missing configurations"), false
	}
	conf, ok := table(c.value)
	if _, isTable := table(conf["plugins"]); !ok || conf["plugins"] != nil && !isTable {
		return nil, page(http.StatusInternalServerError), false
	}
	for _, name := range []string{"create_time", "update_time"} {
		if _, there := conf[name]; there {
			return nil, refused(http.StatusBadRequest, "the property is forbidden:  %s", name), false
		}
	}
	return maps.Clone(conf), reply{}, true
}

func (s *Server) putSSL(c *call) reply {
	conf, response, ok := c.conf()
	if !ok {
		return response
	}
	inBody, there := conf["id"]
	if c.id == "" && !there {
		return errMissingID
	}
	if c.id != "" {
		if there && luaString(inBody) != c.id {
			return errWrongID
		}
		conf["id"] = c.id
	}
	prepared, fault := s.prepare(conf)
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	return s.storeSSL(c, luaString(conf["id"]), prepared)
}

func (s *Server) postSSL(c *call) reply {
	conf, response, ok := c.conf()
	if !ok {
		return response
	}
	if _, there := conf["id"]; there || c.id != "" {
		return refused(http.StatusBadRequest, "wrong ssl id, do not need it")
	}
	prepared, fault := s.prepare(conf)
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	return s.storeSSL(c, "", prepared)
}

// luaString is Lua's tostring of an id: an integer has no fraction.
func luaString(value any) string {
	if number, ok := value.(float64); ok && number == math.Trunc(number) {
		return strconv.FormatFloat(number, 'f', 0, 64)
	}
	return fmt.Sprint(value)
}

// storeSSL writes an object that prepare accepted. With an empty id, it generates one.
func (s *Server) storeSSL(c *call, id string, p *prepared) reply {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if id == "" {
		id = s.store.nextID()
		p.value["id"] = id
	}
	old := s.store.collectionOf("ssls").objects[id]
	stamp(p.value, old, s.options.Clock.Now())
	created := s.commit(id, p, c.expires)
	return written("ssls", id, p.value, created)
}

// commit writes to the store and to the TLS port. The store's lock must be held, so that both have the same order.
func (s *Server) commit(id string, p *prepared, expires time.Time) (created bool) {
	created = s.store.put("ssls", id, p.value, expires)
	s.served.set(id, p.certificate)
	return created
}

// seconds returns a time as in decoded JSON.
func seconds(t time.Time) float64 { return float64(t.Unix()) }

// stamp sets the times of a PUT or POST.
func stamp(value map[string]any, old *object, now time.Time) {
	value["create_time"], value["update_time"] = seconds(now), seconds(now)
	if old != nil {
		value["create_time"] = old.value["create_time"]
	}
}

// written is the response to a write, which shows the encrypted key.
func written(resource, id string, value map[string]any, created bool) reply {
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return jsonReply(status, map[string]any{"key": etcdKey(resource, id), "value": value})
}
