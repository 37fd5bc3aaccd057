// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

//go:embed testdata/ssl-schema.json
var sslSchemaJSON []byte

// sslSchema is the schema that APISIX publishes at /apisix/admin/schema/ssl.
var sslSchema = mustSchema(sslSchemaJSON)

var secretSchema = mustSchema([]byte(`{"type": "object", "required": ["uri", "prefix", "token"], "properties": {
	"uri": {"type": "string", "pattern": "^[^\\/]+:\\/\\/([\\da-zA-Z.-]+|\\[[\\da-fA-F:]+\\])(:\\d+)?"},
	"prefix": {"type": "string"}, "token": {"type": "string"}, "namespace": {"type": "string"}}}`))

// schema is the part of JSON Schema that ssl objects use. Its messages are those in the recordings.
type schema struct {
	Type                 string
	Properties           map[string]*schema
	PatternProperties    map[string]*schema
	AdditionalProperties *bool
	Required             []string
	MinLength, MaxLength *int
	Pattern              string
	Enum                 []any
	Items                *schema
	MinItems, MaxItems   *int
	UniqueItems          bool
	Minimum              *float64
	AnyOf, OneOf         []*schema
	If, Then, Else       *schema
}

func mustSchema(data []byte) *schema {
	var s schema
	if err := json.Unmarshal(data, &s); err != nil {
		panic(err)
	}
	return &s
}

// check returns the first fault, or "". If a value has several faults, APISIX reports any of them.
func (s *schema) check(value any) string {
	if s.Type != "" && !hasType(s.Type, value) {
		return fmt.Sprintf("wrong type: expected %s, got %s", s.Type, luaType(value))
	}
	checks := []func(any) string{s.checkString, s.checkNumber, s.checkEnum, s.checkArray, s.checkObject, s.checkCombined}
	for _, check := range checks {
		if fault := check(value); fault != "" {
			return fault
		}
	}
	return ""
}

func (s *schema) checkString(value any) string {
	text, ok := value.(string)
	if !ok || isReference(text) {
		return ""
	}
	length := utf8.RuneCountInString(text)
	switch {
	case s.MinLength != nil && length < *s.MinLength:
		return fmt.Sprintf("string too short, expected at least %d, got %d", *s.MinLength, length)
	case s.MaxLength != nil && length > *s.MaxLength:
		return fmt.Sprintf("string too long, expected at most %d, got %d", *s.MaxLength, length)
	case s.Pattern != "" && !pattern(s.Pattern).MatchString(text):
		return fmt.Sprintf("failed to match pattern %s with %s", luaQuote(s.Pattern), luaQuote(text))
	}
	return ""
}

func (s *schema) checkNumber(value any) string {
	number, ok := value.(float64)
	if ok && s.Minimum != nil && number < *s.Minimum {
		return fmt.Sprintf("expected %v to be at least %v", number, *s.Minimum)
	}
	return ""
}

func (s *schema) checkEnum(value any) string {
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return reflect.DeepEqual(e, value) }) {
		return "matches none of the enum values"
	}
	return ""
}

func (s *schema) checkArray(value any) string {
	items, ok := value.([]any)
	if !ok || s.Type == "object" {
		return ""
	}
	if s.MinItems != nil && len(items) < *s.MinItems {
		return fmt.Sprintf("expect array to have at least %d items", *s.MinItems)
	}
	if s.MaxItems != nil && len(items) > *s.MaxItems {
		return fmt.Sprintf("expect array to have at most %d items", *s.MaxItems)
	}
	for i, item := range items {
		if s.Items == nil {
			break
		}
		if fault := s.Items.check(item); fault != "" {
			return fmt.Sprintf("failed to validate item %d: %s", i+1, fault)
		}
	}
	if i, j := firstEqual(items); s.UniqueItems && j > 0 {
		return fmt.Sprintf("expected unique items but items %d and %d are equal", i, j)
	}
	return ""
}

// firstEqual returns the positions of the first two equal items, counted from 1, or 0.
func firstEqual(items []any) (int, int) {
	for j := range items {
		if i := slices.IndexFunc(items[:j], func(item any) bool { return reflect.DeepEqual(item, items[j]) }); i >= 0 {
			return i + 1, j + 1
		}
	}
	return 0, 0
}

func (s *schema) checkObject(value any) string {
	object, ok := value.(map[string]any)
	if !ok && s.Type != "object" {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if fault := s.checkProperty(name, object[name]); fault != "" {
			return fault
		}
	}
	for _, name := range s.Required {
		if _, there := object[name]; !there {
			return fmt.Sprintf("property %q is required", name)
		}
	}
	return ""
}

func (s *schema) checkProperty(name string, value any) string {
	if property := s.Properties[name]; property != nil {
		if fault := property.check(value); fault != "" {
			return fmt.Sprintf("property %q validation failed: %s", name, fault)
		}
		return ""
	}
	for expression, property := range s.PatternProperties {
		if fault := property.check(value); fault != "" && pattern(expression).MatchString(name) {
			return fmt.Sprintf("failed to validate %s (matching %q): %s", name, expression, fault)
		}
	}
	if s.AdditionalProperties != nil && !*s.AdditionalProperties {
		return "additional properties forbidden, found " + name
	}
	return ""
}

func (s *schema) checkCombined(value any) string {
	accepts := func(option *schema) bool { return option.check(value) == "" }
	if s.AnyOf != nil && !slices.ContainsFunc(s.AnyOf, accepts) {
		return "object matches none of the required"
	}
	if s.OneOf != nil && len(slices.DeleteFunc(slices.Clone(s.OneOf), func(o *schema) bool { return !accepts(o) })) != 1 {
		return "value should match only one schema"
	}
	switch {
	case s.If == nil:
	case accepts(s.If):
		if !accepts(s.Then) {
			return "then clause did not match"
		}
	case !accepts(s.Else):
		return "else clause did not match"
	}
	return ""
}

var patterns = map[string]*regexp.Regexp{}

func init() {
	for _, s := range []*schema{sslSchema, secretSchema} {
		s.compile()
	}
}

func (s *schema) compile() {
	if s == nil {
		return
	}
	if s.Pattern != "" {
		patterns[s.Pattern] = compile(s.Pattern)
	}
	for expression, property := range s.PatternProperties {
		patterns[expression] = compile(expression)
		property.compile()
	}
	for _, property := range s.Properties {
		property.compile()
	}
	for _, option := range slices.Concat(s.AnyOf, s.OneOf) {
		option.compile()
	}
	s.Items.compile()
}

// compile gives $ the meaning of PCRE: the end, or before a final line feed.
func compile(expression string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(expression, "$", `\n?\z`))
}

func pattern(expression string) *regexp.Regexp { return patterns[expression] }
