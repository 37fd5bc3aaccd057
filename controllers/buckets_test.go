// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// A list by a field has exactly the objects with the value, however many share its bucket, and copies where they are asked for.
func TestBuckets(t *testing.T) {
	secrets := func(object client.Object) []string {
		spec := object.(*v1alpha1.ApisixCertificate).Spec
		return []string{object.GetNamespace() + "/" + spec.SecretName, "all"}
	}
	inBuckets := func(object client.Object) (keys []string) {
		for _, value := range secrets(object) {
			keys = append(keys, bucketOf(value))
		}
		return keys
	}
	builder := fake.NewClientBuilder().WithScheme(Scheme()).WithIndex(&v1alpha1.ApisixCertificate{}, "secret", inBuckets)
	const n = 3 * mostBuckets
	for i := range n {
		c := &v1alpha1.ApisixCertificate{}
		c.Namespace, c.Name, c.Spec.SecretName = "default", fmt.Sprint("c", i), fmt.Sprint("s", i/2)
		builder.WithObjects(c)
	}
	kind := v1alpha1.GroupVersion.WithKind("ApisixCertificate")
	c := &bucketClient{builder.Build(), &buckets{scheme: Scheme(), values: map[schema.GroupVersionKind]map[string]client.IndexerFunc{kind: {"secret": secrets}}}}
	for _, test := range []struct {
		value string
		want  []string
		count int
	}{
		{"default/s0", []string{"c0", "c1"}, 2},
		{"default/s77", []string{"c154", "c155"}, 2},
		{"other/s77", nil, 0},
		{"all", nil, n},
	} {
		for _, options := range [][]client.ListOption{nil, {client.UnsafeDisableDeepCopy}} {
			var list v1alpha1.ApisixCertificateList
			if err := c.List(t.Context(), &list, append(options, client.MatchingFields{"secret": test.value})...); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, cert := range list.Items {
				names = append(names, cert.Name)
			}
			if len(names) != test.count || test.want != nil && !slices.Equal(names, test.want) {
				t.Errorf("%s: %d, %v", test.value, len(names), names[:min(len(names), 5)])
			}
		}
	}
	var list v1alpha1.ApisixCertificateList
	if err := c.List(t.Context(), &list, client.MatchingFields{"unknown": "x"}); err == nil {
		t.Error("a list by a field that is not indexed gives no error")
	}
	if err := c.List(t.Context(), &list, client.InNamespace("default")); err != nil || len(list.Items) != n {
		t.Errorf("a list without a field: %d, %v", len(list.Items), err)
	}
}
