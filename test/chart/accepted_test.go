// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Every object of every value set is accepted by the real API server, unknown fields being refused.
func TestObjectsAreAccepted(t *testing.T) {
	_, c := startKube(t, append(operatorCRDs(t), filepath.Join(root(t), "manifests", "crds"))...)
	for _, namespace := range []string{"gateway", "vault", "cert-manager", "shop", "web", "apisix", "keys"} {
		makeNamespace(t, c, namespace)
	}
	total, accepted := 0, 0
	for name, values := range sets(t) {
		t.Run(name, func(t *testing.T) {
			for _, object := range render(t, Release{Name: "certs", Namespace: "gateway", Values: values}).Objects {
				total++
				if err := dryRun(t, c, object); err != nil {
					t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
					continue
				}
				accepted++
			}
		})
	}
	fmt.Printf("measure: chart_objects_accepted total=%d accepted=%d\n", total, accepted)
}

func dryRun(t *testing.T, c client.Client, object *unstructured.Unstructured) error {
	return client.WithFieldValidation(c, "Strict").Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner("test"), client.ForceOwnership, client.DryRunAll)
}

// The test of acceptance can fail.
func TestStrangeFieldsAreNotAccepted(t *testing.T) {
	_, c := startKube(t)
	makeNamespace(t, c, "gateway")
	deployment := render(t, Release{Namespace: "gateway", Values: values(t, good)}).Find("Deployment", "apisix-certs")
	if err := unstructured.SetNestedField(deployment.Object, "x", "spec", "template", "spec", "strange"); err != nil {
		t.Fatal(err)
	}
	if err := dryRun(t, c, deployment); err == nil {
		t.Error("a field that does not exist was accepted")
	}
}
