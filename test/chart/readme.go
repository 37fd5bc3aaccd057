// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Value is a row of the README: a value of the chart, or a group of values.
type Value struct {
	Key         string // with dots
	Default     string // JSON; empty for a group
	Description string // the comment above it in values.yaml
}

const readmeHead = `# The chart apisix-certs

` + "```sh" + `
helm install apisix-certs charts/apisix-certs --namespace apisix-certs --create-namespace --wait \
  --set image.repository=REGISTRY/apisix-certs \
  --set apisix.adminService.namespace=apisix --set apisix.tlsService.namespace=apisix \
  --set apisix.adminKey.existingSecret=apisix-admin-key
` + "```" + `

The chart requires Kubernetes 1.29 or newer. Two defaults of the apisix chart must be changed: add the network of your Pods to
` + "`apisix.admin.allow.ipList`" + `, and set ` + "`apisix.ssl.enabled`" + ` to true.

Documentation in the source: docs/upgrading.md for upgrades, also with ` + "`--reuse-values`" + `; docs/openshift.md for OpenShift; docs/gitops.md for
Argo CD and Flux; docs/metrics.md for metrics, alerts and the dashboard.

CRDs are upgraded with the chart. They are kept when the release is uninstalled (` + "`crds.keep`" + `). Before you uninstall for good, delete the
certificates while the controller is still running, so that it can withdraw them from the gateways: ` + "`kubectl delete acert -A --all`" + `.

Unknown and invalid values are errors that name the value and the fix. A value that is null has its default, except parts of the Pod such as
` + "`podSecurityContext`" + `: null removes them. ` + "`ci/`" + ` has examples. ` + "`make generate`" + ` writes the table from values.yaml.

| value | default | meaning |
|---|---|---|
`

func addReadme(root string, files map[string]string) error {
	values, err := Values(root)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(readmeHead)
	for _, v := range values {
		fallback := ""
		if v.Default != "" {
			fallback = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Key, fallback, strings.ReplaceAll(v.Description, "|", `\|`))
	}
	files[filepath.Join("charts", Name, "README.md")] = b.String()
	return nil
}

// Values are all values of values.yaml that can be set, in its order. One without a comment is an error.
func Values(root string) ([]Value, error) {
	data, err := os.ReadFile(filepath.Join(Dir(root), "values.yaml"))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, err
	}
	return valuesOf("", document.Content[0])
}

func valuesOf(prefix string, mapping *yaml.Node) ([]Value, error) {
	var values []Value
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, node := mapping.Content[i], mapping.Content[i+1]
		v := Value{Key: prefix + key.Value, Description: description(key.HeadComment)}
		if grouped(node) {
			inner, err := valuesOf(v.Key+".", node)
			if err != nil {
				return nil, err
			}
			values = append(values, inner...)
			continue
		}
		if v.Description == "" {
			return nil, fmt.Errorf("values.yaml: %s has no comment above it", v.Key)
		}
		var err error
		if v.Default, err = defaultOf(node); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// grouped tells a group of values from a value that is an object: the members of a group have comments.
func grouped(node *yaml.Node) bool {
	return node.Kind == yaml.MappingNode && len(node.Content) > 0 && (node.Content[0].HeadComment != "" || grouped(node.Content[1]))
}

// description joins the lines of a comment. What stands before a blank line belongs to the file.
func description(comment string) string {
	paragraphs := strings.Split(comment, "\n\n")
	var words []string
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(line, "#")))
	}
	return strings.Join(words, " ")
}

func defaultOf(node *yaml.Node) (string, error) {
	var value any
	if err := node.Decode(&value); err != nil {
		return "", err
	}
	text, err := json.Marshal(value)
	return string(text), err
}
