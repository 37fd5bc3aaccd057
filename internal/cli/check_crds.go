// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/manifests"
)

// checkCRDs compares the CRDs with those of this version. CRDs of an older version drop new fields.
func (d *checker) checkCRDs(ctx context.Context) error {
	files, err := fs.Glob(manifests.FS, "crds/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		expected, err := readManifest(file)
		if err != nil {
			return err
		}
		installed := &unstructured.Unstructured{}
		installed.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
		err = d.access.Get(ctx, client.ObjectKey{Name: expected.GetName()}, installed)
		object := "CustomResourceDefinition " + expected.GetName()
		d.diagnosis.addChecked(1)
		switch {
		case apierrors.IsNotFound(err):
			d.diagnosis.addFinding(finding{Object: object, Problem: "the CRD is not installed", Fix: fixCRDs})
			continue
		case err != nil:
			return err
		}
		if lacking := lackingFields(schemaOf(expected), schemaOf(installed), ""); len(lacking) > 0 {
			d.diagnosis.addFinding(finding{Object: object, Field: lacking[0],
				Problem: fmt.Sprintf("the CRD is from another version of apisix-certs: %d fields are missing, which the API server drops", len(lacking)), Fix: fixCRDs})
		}
	}
	return nil
}

// readManifest reads a file with one object from package manifests.
func readManifest(file string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	data, err := manifests.FS.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(data, &object.Object)
	}
	return object, err
}

// schemaOf returns the OpenAPI schema of the first version of a CRD, or nil.
func schemaOf(crd *unstructured.Unstructured) map[string]any {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if len(versions) == 0 {
		return nil
	}
	version, _ := versions[0].(map[string]any)
	found, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
	return found
}

// lackingFields returns the paths of fields that are in expected and not in installed.
func lackingFields(expected, installed map[string]any, path string) []string {
	var lacking []string
	properties, _ := expected["properties"].(map[string]any)
	known, _ := installed["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		field := strings.TrimPrefix(path+"."+name, ".")
		other, ok := known[name].(map[string]any)
		if !ok {
			lacking = append(lacking, field)
			continue
		}
		property, _ := properties[name].(map[string]any)
		lacking = append(lacking, lackingFields(property, other, field)...)
	}
	if items, ok := expected["items"].(map[string]any); ok {
		other, _ := installed["items"].(map[string]any)
		lacking = append(lacking, lackingFields(items, other, path+"[]")...)
	}
	return lacking
}
