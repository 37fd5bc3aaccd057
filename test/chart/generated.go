// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Generated returns all files that are generated, by their path in the checkout at root: the CRDs, rules, admission policies and
// defaults inside of the chart, the README of its values, and the kustomization of the plain manifests.
func Generated(root string) (map[string]string, error) {
	files := map[string]string{}
	for _, add := range []func(string, map[string]string) error{addCRDs, addRules, addPolicies, addDefaults, addReadme, addKustomization} {
		if err := add(root, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Write writes the files, and after them the plain manifests, which are rendered from the chart as it is then.
func Write(root string) error {
	files, err := Generated(root)
	if err != nil {
		return err
	}
	if err := writeAll(root, files); err != nil {
		return err
	}
	if files, err = Plain(root); err != nil {
		return err
	}
	return writeAll(root, files)
}

func writeAll(root string, files map[string]string) error {
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func addCRDs(root string, files map[string]string) error {
	paths, err := filepath.Glob(filepath.Join(root, "manifests", "crds", "*.yaml"))
	for _, path := range paths {
		var data []byte
		if data, err = os.ReadFile(path); err != nil {
			return err
		}
		files[filepath.Join("charts", Name, "files", "crds", filepath.Base(path))] = string(data)
	}
	return err
}

// byNamespace begins the line in manifests/rbac below which the rules are those of namespaces.
const byNamespace = "  # ---- by namespace"

// addRules takes the rules of the roles out of manifests/rbac, with their comments.
func addRules(root string, files map[string]string) error {
	data, err := os.ReadFile(filepath.Join(root, "manifests", "rbac", "rbac.yaml"))
	if err != nil {
		return err
	}
	for _, document := range strings.Split(string(data), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return err
		}
		if _, rules, ok := strings.Cut(document, "\nrules:\n"); ok {
			file := strings.ToLower(object.GetKind()) + ".yaml"
			rules, ofNamespaces, split := strings.Cut(rules, byNamespace)
			files[filepath.Join("charts", Name, "files", file)] = dedent(rules)
			if split {
				_, ofNamespaces, _ = strings.Cut(ofNamespaces, "\n")
				files[filepath.Join("charts", Name, "files", "namespacerole.yaml")] = dedent(ofNamespaces)
			}
		}
	}
	return nil
}

// addPolicies takes the admission policies as they are; the templates give them the release's names.
func addPolicies(root string, files map[string]string) error {
	for _, file := range []string{"approval.yaml", "status.yaml"} {
		data, err := os.ReadFile(filepath.Join(root, "manifests", "policy", file))
		if err != nil {
			return err
		}
		files[filepath.Join("charts", Name, "files", file)] = string(data)
	}
	return nil
}

const defaultsHead = "# Written by `make generate` from values.yaml: all values with their defaults, because templates cannot read values.yaml.\n"

// addDefaults writes the values for the templates, see templates/_values.tpl.
func addDefaults(root string, files map[string]string) error {
	values, err := Values(root)
	if err != nil {
		return err
	}
	text := defaultsHead
	for _, v := range values {
		text += v.Key + ": " + v.Default + "\n"
	}
	files[filepath.Join("charts", Name, "files", "defaults.yaml")] = text
	return nil
}

const (
	kustomizationHead = `# Written by ` + "`make generate`" + `. Installs without Helm: kubectl apply -k manifests. Set your image in an overlay, or with:
# kustomize edit set image apisix-certs=REGISTRY/apisix-certs:TAG
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - rbac/namespace.yaml
  - rbac/rbac.yaml
`
	kustomizationTail = `  - deploy/deployment.yaml
  - deploy/service.yaml
# Admission policies: who can approve and deny certificates, and who can change status. See docs/tenants.md and docs/security.md.
# They require Kubernetes 1.30: remove them for older versions.
components:
  - policy
`
)

// addKustomization names every CRD.
func addKustomization(root string, files map[string]string) error {
	paths, err := filepath.Glob(filepath.Join(root, "manifests", "crds", "*.yaml"))
	text := kustomizationHead
	for _, path := range paths {
		text += "  - crds/" + filepath.Base(path) + "\n"
	}
	files[filepath.Join("manifests", "kustomization.yaml")] = text + kustomizationTail
	return err
}

// dedent removes two blanks from each line.
func dedent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		b.WriteString(strings.TrimPrefix(line, "  "))
	}
	return b.String()
}

// PlainValues are those of manifests/deploy: APISIX in a namespace of its own.
func PlainValues() map[string]any {
	return map[string]any{"apisix": map[string]any{
		"adminService": map[string]any{"namespace": "apisix"},
		"tlsService":   map[string]any{"namespace": "apisix"},
		"adminKey":     map[string]any{"existingSecret": "apisix-admin-key"},
	}}
}

const plainHead = "# Written by `make generate` from the chart, with " + `apisix.adminKey.existingSecret=apisix-admin-key and
# namespace apisix for adminService and tlsService.
`

// plainFolders are the kinds of objects in the folders of manifests that are rendered from the chart.
var plainFolders = map[string][]string{
	"deploy":     {"Deployment", "Service"},
	"monitoring": {"ServiceMonitor", "PrometheusRule", "ConfigMap"},
}

// Plain returns the files of manifests/deploy and manifests/monitoring, rendered from the chart without Helm's own labels.
func Plain(root string) (map[string]string, error) {
	values := PlainValues()
	for _, part := range []string{"serviceMonitor", "prometheusRule", "dashboard"} {
		values[part] = map[string]any{"enabled": true}
	}
	rendered, err := Render(root, Release{Values: values})
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for folder, kinds := range plainFolders {
		for _, object := range rendered.Objects {
			if !slices.Contains(kinds, object.GetKind()) {
				continue
			}
			WithoutHelm(object)
			text, err := yaml.Marshal(object.Object)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", object.GetKind(), err)
			}
			files[filepath.Join("manifests", folder, strings.ToLower(object.GetKind())+".yaml")] = plainHead + string(text)
		}
	}
	return files, nil
}

// WithoutHelm removes the labels that say that Helm made an object.
func WithoutHelm(object *unstructured.Unstructured) {
	for _, path := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
		for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/managed-by"} {
			unstructured.RemoveNestedField(object.Object, append(path, "labels", label)...)
		}
		unstructured.RemoveNestedField(object.Object, append(path, "annotations", "helm.sh/resource-policy")...)
	}
}
