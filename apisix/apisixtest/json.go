// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// decode reads JSON. For malformed JSON it returns a fault with the text of lua-cjson, otherwise "".
func decode(data []byte) (value any, fault string) {
	if err := json.Unmarshal(data, &value); err != nil {
		return nil, (&grammar{data: data}).fault()
	}
	return value, ""
}

// grammar finds the first unexpected token, for the message alone.
type grammar struct {
	data     []byte
	position int
	kind     string // of the current token
	start    int    // of the current token
}

func (g *grammar) fault() string {
	if fault := g.value(); fault != "" {
		return fault
	}
	if g.next(); g.kind != "T_END" {
		return g.expected("the end")
	}
	return "malformed JSON"
}

func (g *grammar) expected(what string) string {
	return fmt.Sprintf("Expected %s but found %s at character %d", what, g.kind, g.start+1)
}

func (g *grammar) value() string {
	g.next()
	return g.valueFrom()
}

// valueFrom reads a value that starts at the current token.
func (g *grammar) valueFrom() string {
	switch g.kind {
	case "T_OBJ_BEGIN":
		return g.object()
	case "T_ARR_BEGIN":
		return g.array()
	case "T_STRING", "T_NUMBER", "T_BOOLEAN", "T_NULL":
		return ""
	}
	return g.expected("value")
}

func (g *grammar) object() string {
	if g.next(); g.kind == "T_OBJ_END" {
		return ""
	}
	for {
		if g.kind != "T_STRING" {
			return g.expected("object key string")
		}
		if g.next(); g.kind != "T_COLON" {
			return g.expected("colon")
		}
		if fault := g.value(); fault != "" {
			return fault
		}
		if g.next(); g.kind == "T_OBJ_END" {
			return ""
		}
		if g.kind != "T_COMMA" {
			return g.expected("comma or object end")
		}
		g.next()
	}
}

func (g *grammar) array() string {
	if g.next(); g.kind == "T_ARR_END" {
		return ""
	}
	for {
		if fault := g.valueFrom(); fault != "" {
			return fault
		}
		if g.next(); g.kind == "T_ARR_END" {
			return ""
		}
		if g.kind != "T_COMMA" {
			return g.expected("comma or array end")
		}
		g.next()
	}
}

var punctuation = map[byte]string{
	'{': "T_OBJ_BEGIN", '}': "T_OBJ_END", '[': "T_ARR_BEGIN", ']': "T_ARR_END", ':': "T_COLON", ',': "T_COMMA",
}

func (g *grammar) next() {
	for g.position < len(g.data) && strings.IndexByte(" \t\r\n", g.data[g.position]) >= 0 {
		g.position++
	}
	g.start = g.position
	if g.start >= len(g.data) {
		g.kind = "T_END"
		return
	}
	rest := g.data[g.start:]
	if kind, ok := punctuation[rest[0]]; ok {
		g.kind, g.position = kind, g.start+1
		return
	}
	decoder := json.NewDecoder(strings.NewReader(string(rest)))
	token, err := decoder.Token()
	if err != nil {
		g.kind = "invalid token"
		return
	}
	g.position += int(decoder.InputOffset())
	g.kind = map[string]string{
		"string": "T_STRING", "number": "T_NUMBER", "boolean": "T_BOOLEAN", "userdata": "T_NULL",
	}[luaType(token)]
}
