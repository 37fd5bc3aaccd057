// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"errors"
	"maps"
	"net/http"
)

func (s *Server) patchSSL(c *call) reply {
	if c.id == "" {
		return errMissingID
	}
	if len(c.body) == 0 {
		return refused(http.StatusBadRequest, "missing new configuration")
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	old := s.store.collectionOf("ssls").objects[c.id]
	if old == nil {
		return keyNotFound()
	}
	value, err := c.patched(old.value)
	if err != nil {
		return refused(http.StatusBadRequest, "%s", err)
	}
	if luaString(value["id"]) != c.id {
		return errWrongID
	}
	if _, there := value["key"]; !there {
		return page(http.StatusInternalServerError)
	}
	p, fault := s.prepare(value)
	if fault != "" {
		return refused(http.StatusBadRequest, "%s", fault)
	}
	if luaString(value["update_time"]) == luaString(old.value["update_time"]) {
		p.value["update_time"] = seconds(s.options.Clock.Now())
	}
	s.commit(c.id, p, old.expires)
	return written("ssls", c.id, p.value, false)
}

// patched applies a merge patch, or the value of a PATCH of a sub-path.
func (c *call) patched(old map[string]any) (map[string]any, error) {
	if len(c.sub) > 0 {
		return putBelow(old, c.sub, c.value), nil
	}
	patch, ok := table(c.value)
	if !ok {
		return nil, errors.New("invalid configuration")
	}
	return merge(old, patch), nil
}

// merge returns the old value with the patch applied: null removes, objects are merged, anything else replaces.
func merge(old, patch map[string]any) map[string]any {
	merged := maps.Clone(old)
	for name, value := range patch {
		object, isObject := value.(map[string]any)
		below, wasObject := merged[name].(map[string]any)
		switch {
		case value == nil:
			delete(merged, name)
		case isObject && wasObject:
			merged[name] = merge(below, object)
		default:
			merged[name] = value
		}
	}
	return merged
}

// putBelow returns the old value with one field set, at any depth. A list on the path becomes a table.
func putBelow(old any, names []string, value any) map[string]any {
	object, _ := table(old)
	object = maps.Clone(object)
	if object == nil {
		object = map[string]any{}
	}
	if len(names) == 1 {
		object[names[0]] = value
	} else {
		object[names[0]] = putBelow(object[names[0]], names[1:], value)
	}
	return object
}
