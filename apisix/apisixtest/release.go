// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Release is the APISIX release that a [Server] imitates. Only [Current] is tested against recordings. The others follow
// the documentation of their releases.
type Release string

// Releases.
const (
	// Current is 3.18.0.
	Current Release = ""
	// ShowsKeys is 3.8.0: GET and list return the key as stored, and the defaults of fields that were not sent.
	ShowsKeys Release = "3.8.0"
	// ShowsPlainKeys is ShowsKeys without data_encryption: the key itself is stored and returned.
	ShowsPlainKeys Release = "3.8.0, not encrypted"
	// FormV2 is 3.18.0 with deployment.admin.admin_api_version: v2.
	FormV2 Release = "3.18.0, v2"
	// Before3 is 2.15.3: ssl objects are under /apisix/admin/ssl, and responses have the form of etcd v2.
	Before3 Release = "2.15.3"
	// Before3Nameless is Before3 with enable_server_tokens: false.
	Before3Nameless Release = "2.15.3, nameless"
)

// SetRelease changes the release for later requests, as an upgrade does. Stored objects are preserved.
func (s *Server) SetRelease(age Release) { s.age.Store(&age) }

// formV2 reports whether responses have the form of etcd v2.
func (a Release) formV2() bool { return a == FormV2 || a.before3() }

func (a Release) before3() bool { return strings.HasPrefix(string(a), string(Before3)) }

// server returns the header Server of a release. Empty means no header, as in the recordings.
func (a Release) server() string {
	switch a {
	case Current:
		return ""
	case Before3Nameless:
		return "APISIX"
	}
	version, _, _ := strings.Cut(string(a), ",")
	return "APISIX/" + version
}

// respondAs responds as the Admin API of the server's release.
func (s *Server) respondAs(r *http.Request) reply {
	age := *s.age.Load()
	if age == Current {
		return s.respond(r)
	}
	response := s.respondBefore3(r, age)
	if r.Method == http.MethodGet && (age == ShowsKeys || age == ShowsPlainKeys) {
		response = s.withKeys(response, age == ShowsPlainKeys)
	}
	if age.formV2() {
		response = inFormV2(r, response)
	}
	if age == FormV2 && response.header.Get("X-Api-Version") != "" {
		response = response.with("X-Api-Version", "v2")
	}
	return response.with("Server", age.server())
}

// respondBefore3 maps the paths of a release, and imitates its response where a resource does not exist.
func (s *Server) respondBefore3(r *http.Request, age Release) reply {
	r = r.Clone(r.Context())
	if age.formV2() {
		r.URL.RawQuery = "" // lists are not paged
	}
	if !age.before3() {
		return s.respond(r)
	}
	resource, _, _ := split(nginxPath(r.URL.Path))
	if resource == "ssl" {
		r.URL.Path = strings.Replace(r.URL.Path, adminPath+"/ssl", adminPath+"/ssls", 1)
	}
	response := s.respond(r)
	switch {
	case response.status == http.StatusUnauthorized:
		return page(http.StatusUnauthorized)
	case resource != "ssl" || r.Method == http.MethodHead:
		return page(http.StatusNotFound)
	}
	response.header = nil
	return response
}

// inFormV2 converts a success to the form of an etcd v2 HTTP API.
func inFormV2(r *http.Request, response reply) reply {
	var body map[string]json.RawMessage
	if response.status >= http.StatusMultipleChoices || json.Unmarshal(response.body, &body) != nil {
		return response
	}
	action, ok := map[string]string{
		http.MethodGet: "get", http.MethodPut: "set", http.MethodPost: "create", http.MethodPatch: "compareAndSwap", http.MethodDelete: "delete",
	}[r.Method]
	if !ok {
		return response
	}
	form := map[string]any{"action": action, "node": body}
	if list, ok := body["list"]; ok {
		form["count"] = body["total"]
		form["node"] = map[string]any{"key": "/apisix/ssls", "dir": true, "nodes": list}
	}
	if _, ok := body["deleted"]; ok {
		form["deleted"], form["key"], form["node"] = body["deleted"], body["key"], map[string]any{}
	}
	response.body = marshal(form)
	return response
}

// withKeys adds the keys, encrypted or plain, to ssl objects in a response to GET and list.
func (s *Server) withKeys(response reply, plain bool) reply {
	var body map[string]any
	if response.status != http.StatusOK || json.Unmarshal(response.body, &body) != nil {
		return response
	}
	nodes, ok := body["list"].([]any)
	if !ok {
		nodes = []any{body}
	}
	for _, node := range nodes {
		object, _ := node.(map[string]any)
		value, _ := object["value"].(map[string]any)
		id, isSSL := strings.CutPrefix(text(object["key"]), etcdKey("ssls", ""))
		stored := s.store.get("ssls", id)
		if !isSSL || stored == nil || value == nil {
			continue
		}
		value["key"] = stored.value["key"]
		if plain {
			value["key"] = s.decrypted(text(stored.value["key"]))
		}
		for field, unsent := range map[string]any{"status": 1, "type": "server"} {
			if _, ok := value[field]; !ok {
				value[field] = unsent
			}
		}
	}
	response.body = marshal(body)
	return response
}
