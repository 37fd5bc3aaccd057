// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// list is GET of a resource, or of the secrets of one manager.
func (s *Server) list(c *call, resource, prefix string) reply {
	query := c.URL.Query()
	objects := s.store.list(resource, prefix, filter(query))
	from, to, paged, fault := pageOf(query, len(objects))
	if fault != "" {
		return jsonReply(http.StatusBadRequest, fault)
	}
	total := len(objects)
	empty := "[]"
	if paged {
		objects = objects[from:to]
		empty = "{}"
	}
	if total == 0 {
		empty = "[]"
	}
	return reply{status: http.StatusOK, contentType: typeJSON, body: render(objects, empty, total)}
}

// filter returns nil for all objects. The value of the parameter label is only a key. name and uri are fields that ssl
// objects do not have.
func filter(query url.Values) func(*object) bool {
	labels, byLabel := query["label"]
	if byLabel {
		return func(o *object) bool {
			own, _ := o.value["labels"].(map[string]any)
			_, there := own[labels[0]]
			return there && len(labels) == 1
		}
	}
	for _, field := range []string{"name", "uri"} {
		if wanted, by := query[field]; by {
			return func(o *object) bool { return o.value[field] == wanted[0] }
		}
	}
	return nil
}

// pageOf requires both parameters; with only one, the list is not paged. A page may be a fraction, as Lua multiplies it.
func pageOf(query url.Values, total int) (from, to int, paged bool, fault string) {
	number, err1 := strconv.ParseFloat(query.Get("page"), 64)
	size, err2 := strconv.Atoi(query.Get("page_size"))
	if err1 != nil || err2 != nil {
		return 0, 0, false, ""
	}
	if size < 10 || size > 500 {
		return 0, 0, false, "page_size must be between 10 and 500"
	}
	from = min(int((max(number, 1)-1)*float64(size)), total)
	return from, min(from+size, total), true, ""
}

func render(objects []*object, empty string, total int) []byte {
	var body bytes.Buffer
	body.WriteString(`{"list":`)
	if len(objects) == 0 {
		body.WriteString(empty)
	} else {
		shown := make([][]byte, len(objects))
		for i, o := range objects {
			shown[i] = o.shown
		}
		body.WriteByte('[')
		body.Write(bytes.Join(slices.Clip(shown), []byte(",")))
		body.WriteByte(']')
	}
	body.WriteString(`,"total":` + strconv.Itoa(total) + `}`)
	return body.Bytes()
}
