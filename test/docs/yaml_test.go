// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// TestYAML has the API server look at every object that a page or sample shows, unknown fields being refused.
func TestYAML(t *testing.T) {
	servers.Need(t)
	c, err := cluster.Start(t.Context(), cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	for _, install := range []func(context.Context) error{c.InstallGateways, c.InstallReferenceGrants} {
		if err := install(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page, "yaml") {
			for _, document := range strings.Split(b.text, "\n---\n") {
				object := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil || object.GetAPIVersion() == "" {
					continue // a part of something
				}
				seen++
				if err := accepted(t, c, object); err != nil {
					t.Errorf("%s:%d: %v", page, b.line, err)
				}
			}
		}
	}
	if seen < 6 {
		t.Errorf("%d objects were found, want more: are the blocks called yaml?", seen)
	}
}

func accepted(t *testing.T, c *cluster.Cluster, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := c.Client.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	for began := time.Now(); err != nil && time.Since(began) < 10*time.Second; time.Sleep(100 * time.Millisecond) { // its CRD was just installed
		mapping, err = c.Client.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return err
	}
	if mapping.Scope.Name() == "namespace" && object.GetNamespace() == "" {
		object.SetNamespace("default")
	}
	if name := object.GetNamespace(); name != "" {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := c.Client.Create(t.Context(), namespace); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	err = client.WithFieldValidation(c.Client, "Strict").Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner("docs"), client.ForceOwnership, client.DryRunAll)
	if err != nil {
		return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}
