// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

const standaloneLimit = 64 << 20

// sections are those of the configuration of API-driven standalone mode.
var sections = []string{
	"consumer_groups", "consumers", "global_rules", "plugin_configs", "plugin_metadata", "plugins", "protos", "routes",
	"secrets", "services", "ssls", "stream_routes", "upstreams",
}

// configs is the whole configuration in standalone mode.
type configs struct {
	mu       sync.Mutex
	digest   string
	modified int64 // seconds since 1970
	versions map[string]float64
	lists    map[string][]any
}

func newConfigs() *configs {
	c := &configs{}
	c.wipe()
	return c
}

func (c *configs) wipe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.digest, c.versions, c.lists = "", map[string]float64{}, map[string][]any{}
}

// standalone is the Admin API in standalone mode. It has no single objects.
func (s *Server) standalone(c *call) reply {
	if c.resource != "configs" {
		return page(http.StatusNotFound)
	}
	if c.Method == http.MethodPost && c.id == "validate" {
		if response, ok := c.readBody(standaloneLimit); !ok {
			return response
		}
		return s.validateConfigs(c)
	}
	if c.id != "" {
		return page(http.StatusNotFound)
	}
	s.configs.mu.Lock()
	defer s.configs.mu.Unlock()
	switch c.Method {
	case http.MethodGet, http.MethodHead:
		return s.configs.stamped(s.configs.response(c))
	case http.MethodPut:
		return s.putConfigs(c)
	}
	return page(http.StatusNotFound)
}

// response returns the whole configuration, including the keys of ssl objects in plain text.
func (c *configs) response(r *call) reply {
	value := map[string]any{}
	for _, section := range sections {
		value[section+"_conf_version"] = c.versions[section]
		if len(c.lists[section]) > 0 {
			value[section] = c.lists[section]
		}
	}
	if c.digest != "" {
		value["X-Digest"], value["X-Last-Modified"] = c.digest, c.modified
	}
	if !strings.Contains(r.Header.Get("Accept"), "yaml") {
		return jsonReply(http.StatusOK, value)
	}
	body, err := yaml.JSONToYAML(marshal(value))
	if err != nil {
		return page(http.StatusInternalServerError)
	}
	return reply{status: http.StatusOK, contentType: "application/yaml", body: body}
}

func (c *configs) stamped(response reply) reply {
	if c.digest == "" {
		return response
	}
	return response.with("X-Digest", c.digest).with("X-Last-Modified", strconv.FormatInt(c.modified, 10))
}

// putConfigs replaces the whole configuration. If the digest is the current one, the body is not read.
func (s *Server) putConfigs(c *call) reply {
	digest := c.Header.Get("X-Digest")
	if digest == "" {
		return refused(http.StatusBadRequest, "missing digest header")
	}
	if digest == s.configs.digest {
		return reply{status: http.StatusNoContent}
	}
	conf, fault := c.readConfigs()
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	versions, fault := s.configs.newVersions(conf)
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	certificates, fault := s.checkConfigs(conf)
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	s.configs.digest, s.configs.modified = digest, s.options.Clock.Now().Unix()
	s.configs.versions = versions
	s.configs.lists = map[string][]any{}
	for _, section := range sections {
		s.configs.lists[section], _ = conf[section].([]any)
	}
	s.served.replace(certificates)
	return s.configs.stamped(emptyReply(http.StatusAccepted))
}

func (c *call) readConfigs() (map[string]any, string) {
	data, err := io.ReadAll(io.LimitReader(c.Body, standaloneLimit))
	if err != nil || len(data) == 0 {
		return nil, "invalid request body: empty request body"
	}
	if strings.Contains(c.Header.Get("Content-Type"), "yaml") {
		if data, err = yaml.YAMLToJSON(data); err != nil {
			return nil, "invalid request body: malformed yaml"
		}
	}
	value, fault := decode(data)
	if fault != "" {
		return nil, "invalid request body: " + fault
	}
	conf, _ := table(value)
	return conf, ""
}

// newVersions returns the given versions, and increments those that are not given.
func (c *configs) newVersions(conf map[string]any) (map[string]float64, string) {
	versions := map[string]float64{}
	for _, section := range sections {
		name := section + "_conf_version"
		given, there := conf[name]
		number, isNumber := given.(float64)
		switch {
		case !there:
			number = c.versions[section] + 1
		case !isNumber:
			return nil, name + " must be a number"
		case number < c.versions[section]:
			return nil, fmt.Sprintf("%s must be greater than or equal to (%v)", name, c.versions[section])
		}
		versions[section] = number
	}
	return versions, ""
}
