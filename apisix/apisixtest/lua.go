// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"fmt"
	"math"
	"strings"
)

// luaType returns the name of a JSON value's type in the messages of APISIX.
func luaType(value any) string {
	switch value.(type) {
	case nil:
		return "userdata"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	}
	return "table"
}

// hasType accepts an empty list as an object: in Lua, both are an empty table.
func hasType(kind string, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return kind == "object"
	case []any:
		return kind == "array" || kind == "object" && len(v) == 0
	case float64:
		return kind == "number" || kind == "integer" && v == math.Trunc(v)
	}
	return kind == luaType(value)
}

// luaQuote formats like %q of LuaJIT.
func luaQuote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '\n':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, "\\%d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// table returns a JSON object. A list is returned as a table with keys from "1", as in Lua.
func table(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case []any:
		object := make(map[string]any, len(v))
		for i, item := range v {
			object[fmt.Sprint(i+1)] = item
		}
		return object, true
	}
	return nil, false
}

// isReference reports whether APISIX treats the string as the address of a secret and validates it no further.
func isReference(s string) bool {
	return strings.HasPrefix(s, "$secret://") || strings.HasPrefix(s, "$env://") || strings.HasPrefix(s, "$ENV://")
}
