// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"cmp"
	"maps"
	"net/http"
	"strings"
	"time"
)

// otherResources are stored and read without APISIX's validation of them.
var otherResources = map[string]bool{
	"routes": true, "services": true, "upstreams": true, "consumers": true, "consumer_groups": true, "secrets": true,
	"global_rules": true, "plugin_configs": true, "plugin_metadata": true, "protos": true, "stream_routes": true,
}

// otherResource is /apisix/admin/ROUTES and the like.
func (s *Server) otherResource(c *call) reply {
	switch c.Method {
	case http.MethodGet:
		if c.resource == "secrets" && c.id != "" && !strings.Contains(c.id, "/") {
			return s.list(c, "secrets", c.id+"/")
		}
		return s.read(c)
	case http.MethodDelete:
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		if !s.store.remove(c.resource, c.id) {
			return keyNotFound()
		}
		return deleted(c.resource, c.id)
	}
	if len(c.body) == 0 {
		return refused(http.StatusBadRequest, "missing configurations")
	}
	if response, refusal := s.checkOtherResource(c); refusal {
		return response
	}
	return s.putOtherResource(c)
}

// checkOtherResource checks the few rules that concern ssl objects.
func (s *Server) checkOtherResource(c *call) (reply, bool) {
	conf, ok := table(c.value)
	if !ok {
		return page(http.StatusInternalServerError), true
	}
	if c.resource == "secrets" && c.Method != http.MethodPatch {
		return checkSecret(c, conf)
	}
	tls, _ := conf["tls"].(map[string]any)
	if id := text(tls["client_cert_id"]); id != "" && s.store.get("ssls", id) == nil {
		return refused(http.StatusBadRequest, "failed to fetch ssl info by ssl id [%s], response code: 404", id), true
	}
	return reply{}, false
}

func checkSecret(c *call, conf map[string]any) (reply, bool) {
	manager, name, _ := strings.Cut(c.id, "/")
	switch id, there := conf["id"]; {
	case c.Method == http.MethodPost:
		return refused(http.StatusMethodNotAllowed, "not supported `POST` method for secret"), true
	case manager != "vault" && manager != "aws" && manager != "gcp":
		return refused(http.StatusBadRequest, "invalid secret manager: %s", manager), true
	case name == "":
		return page(http.StatusInternalServerError), true
	case there && id != c.id:
		return refused(http.StatusBadRequest, "wrong secret id"), true
	}
	if fault := secretSchema.check(conf); manager == "vault" && fault != "" {
		return refused(http.StatusBadRequest, "invalid configuration: %s", fault), true
	}
	return reply{}, false
}

// putOtherResource is PUT, POST and PATCH.
func (s *Server) putOtherResource(c *call) reply {
	now := s.options.Clock.Now()
	conf, _ := table(c.value)
	value := maps.Clone(conf)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	id := c.id
	if id == "" && c.Method == http.MethodPost {
		id = s.store.nextID()
	}
	if id = cmp.Or(id, text(value["id"]), text(value["username"])); id == "" {
		return refused(http.StatusBadRequest, "missing id")
	}
	old := s.store.collectionOf(c.resource).objects[id]
	if c.Method == http.MethodPatch {
		if old == nil {
			return keyNotFound()
		}
		var err error
		if value, err = c.patched(old.value); err != nil {
			return refused(http.StatusBadRequest, "%s", err)
		}
	}
	value["id"] = id
	stamp(value, old, now)
	created := s.store.put(c.resource, id, value, time.Time{})
	return written(c.resource, id, value, created)
}

// validateSchema is POST /apisix/admin/schema/validate/ssls, which does not parse certificates.
func validateSchema(c *call) reply {
	if len(c.sub) == 0 || c.sub[0] != "ssls" {
		return emptyReply(http.StatusOK)
	}
	if fault := sslSchema.check(c.value); fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	return emptyReply(http.StatusOK)
}

// schemaOf is /apisix/admin/schema/NAME: the published schema for ssl objects, and one that accepts anything for other
// resources.
func schemaOf(name string) reply {
	switch {
	case name == "ssl":
		return reply{status: http.StatusOK, contentType: typeJSON, body: sslSchemaJSON}
	case name == "secret" || !otherResources[name+"s"]:
		return refused(http.StatusBadRequest, "not found schema: %s", name)
	}
	return jsonReply(http.StatusOK, map[string]any{"type": "object"})
}

// plugins is /apisix/admin/plugins. It has only a few names, as requests are never proxied.
func plugins(c *call) reply {
	switch {
	case c.id == "reload" && c.Method != http.MethodPut:
		return refused(http.StatusMethodNotAllowed,
			"please use PUT method to reload the plugins, %s method is not allowed.", c.Method)
	case c.id == "reload":
		return reply{status: http.StatusOK, contentType: typeJSON, body: []byte("done")}
	case c.id == "list" && c.URL.Query().Get("subsystem") != "stream":
		return jsonReply(http.StatusOK, []string{"cors", "key-auth", "limit-count", "proxy-rewrite", "redirect"})
	}
	return jsonReply(http.StatusOK, map[string]any{})
}
