// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"fmt"
	"maps"
	"net/http"
)

// checkConfigs checks the ssl objects alone.
func (s *Server) checkConfigs(conf map[string]any) ([]*certificate, string) {
	list, _ := conf["ssls"].([]any)
	certificates := make([]*certificate, 0, len(list))
	seen := map[string]bool{}
	for _, item := range list {
		p, fault := s.prepareListed(item)
		if fault != "" {
			return nil, fault
		}
		if id, there := p.value["id"]; there {
			if seen[luaString(id)] {
				return nil, fmt.Sprintf("found duplicate id %s in ssls", luaString(id))
			}
			seen[luaString(id)] = true
		}
		certificates = append(certificates, p.certificate)
	}
	return certificates, ""
}

func (s *Server) prepareListed(item any) (*prepared, string) {
	object, _ := table(item)
	object = maps.Clone(object)
	delete(object, "modifiedIndex")
	delete(object, "createdIndex")
	return s.prepare(object)
}

// validateConfigs is POST /apisix/admin/configs/validate, which writes nothing and reports all faults.
func (s *Server) validateConfigs(c *call) reply {
	conf, _ := table(c.value)
	list, _ := conf["ssls"].([]any)
	var faults []map[string]any
	for i, item := range list {
		object, _ := table(item)
		if _, fault := s.prepareListed(item); fault != "" {
			faults = append(faults, map[string]any{
				"resource_type": "ssls", "resource_id": luaString(object["id"]), "index": i, "error": fault,
			})
		}
	}
	if faults != nil {
		return jsonReply(http.StatusBadRequest, map[string]any{
			"error_msg": "Configuration validation failed", "errors": faults,
		})
	}
	return jsonReply(http.StatusOK, map[string]any{})
}
