// SPDX-License-Identifier: Apache-2.0

package stability

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// definition is the part of a CRD that users see.
type definition struct {
	Spec struct {
		Group string `json:"group"`
		Scope string `json:"scope"`
		Names struct {
			Kind       string   `json:"kind"`
			Plural     string   `json:"plural"`
			ShortNames []string `json:"shortNames"`
		} `json:"names"`
		Versions []struct {
			Name         string                    `json:"name"`
			Served       bool                      `json:"served"`
			Storage      bool                      `json:"storage"`
			Subresources map[string]map[string]any `json:"subresources"`
			Columns      []struct {
				Name     string `json:"name"`
				Type     string `json:"type"`
				JSONPath string `json:"jsonPath"`
			} `json:"additionalPrinterColumns"`
			Schema struct {
				OpenAPIV3Schema *schema `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

// schema is the part of an OpenAPI schema that users see.
type schema struct {
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Enum                 []any              `json:"enum"`
	Default              any                `json:"default"`
	Required             []string           `json:"required"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	Items                *schema            `json:"items"`
}

// fields returns a line for each kind, column and field of the CRDs.
func fields(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "manifests/crds/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, file := range files {
		var crd definition
		if err := yaml.Unmarshal(read(t, "manifests/crds/"+filepath.Base(file)), &crd); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, version := range crd.Spec.Versions {
			kind := crd.Spec.Names.Kind + " " + version.Name
			lines = append(lines, fmt.Sprintf("%s %s %s.%s short=%s served=%t storage=%t subresources=%s", kind, crd.Spec.Scope, crd.Spec.Names.Plural,
				crd.Spec.Group, strings.Join(crd.Spec.Names.ShortNames, ","), version.Served, version.Storage,
				strings.Join(slices.Sorted(maps.Keys(version.Subresources)), ",")))
			for _, column := range version.Columns {
				lines = append(lines, fmt.Sprintf("%s column %q %s %s", kind, column.Name, column.Type, column.JSONPath))
			}
			lines = append(lines, properties(kind, "", version.Schema.OpenAPIV3Schema)...)
		}
	}
	return lines
}

// properties returns a line for each field of a schema and of all schemas below it.
func properties(kind, path string, s *schema) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		at := path + "." + name
		if at == ".apiVersion" || at == ".kind" || at == ".metadata" {
			continue
		}
		field := s.Properties[name]
		line := fmt.Sprintf("%s %s %s", kind, at, typeOf(field))
		if slices.Contains(s.Required, name) {
			line += " required"
		}
		if field.Default != nil {
			line += fmt.Sprintf(" default=%v", field.Default)
		}
		lines = append(lines, line)
		if field.Items != nil {
			lines = append(lines, properties(kind, at+"[]", field.Items)...)
		}
		lines = append(lines, properties(kind, at, field)...)
	}
	return lines
}

// typeOf returns the type of a field with its format and enum values, such as "[]string" or "string(Always|Never)".
func typeOf(s *schema) string {
	switch {
	case s.Items != nil:
		return "[]" + typeOf(s.Items)
	case s.AdditionalProperties != nil:
		return "map[string]" + typeOf(s.AdditionalProperties)
	}
	text := s.Type
	if s.Format != "" {
		text += ":" + s.Format
	}
	var values []string
	for _, value := range s.Enum {
		values = append(values, fmt.Sprint(value))
	}
	if len(values) > 0 {
		text += "(" + strings.Join(values, "|") + ")"
	}
	return text
}
