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

// checkCRDs compares the CRDs with those of this program: an upgrade may have left old ones, which drop new fields.
func (d *checker) checkCRDs(ctx context.Context) error {
	files, err := fs.Glob(manifests.FS, "crds/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		ours, err := readManifest(file)
		if err != nil {
			return err
		}
		theirs := &unstructured.Unstructured{}
		theirs.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
		err = d.access.Get(ctx, client.ObjectKey{Name: ours.GetName()}, theirs)
		object := "CustomResourceDefinition " + ours.GetName()
		d.diagnosis.addChecked(1)
		switch {
		case apierrors.IsNotFound(err):
			d.diagnosis.addFinding(finding{Object: object, Problem: "it is not installed", Fix: fixCRDs})
			continue
		case err != nil:
			return err
		}
		if lacking := lackingFields(schemaOf(ours), schemaOf(theirs), ""); len(lacking) > 0 {
			d.diagnosis.addFinding(finding{Object: object, Field: lacking[0],
				Problem: fmt.Sprintf("it is of another version than this program: it lacks %d fields, which the API server drops", len(lacking)), Fix: fixCRDs})
		}
	}
	return nil
}

// readManifest reads a file of package manifests with one object.
func readManifest(file string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	data, err := manifests.FS.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(data, &object.Object)
	}
	return object, err
}

// schemaOf is the OpenAPI schema of a CRD's first version, nil where it has none.
func schemaOf(crd *unstructured.Unstructured) map[string]any {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if len(versions) == 0 {
		return nil
	}
	version, _ := versions[0].(map[string]any)
	found, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
	return found
}

// lackingFields are the fields that ours has and theirs lacks, as paths.
func lackingFields(ours, theirs map[string]any, path string) []string {
	var lacking []string
	properties, _ := ours["properties"].(map[string]any)
	known, _ := theirs["properties"].(map[string]any)
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
	if items, ok := ours["items"].(map[string]any); ok {
		other, _ := theirs["items"].(map[string]any)
		lacking = append(lacking, lackingFields(items, other, path+"[]")...)
	}
	return lacking
}
