// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	"context"
	"errors"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestCertificates(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for _, namespace := range []string{"pay", "shop"} {
		c := &v1alpha1.ApisixCertificate{}
		c.Namespace, c.Name = namespace, "web"
		builder.WithObjects(c)
	}
	var copied []bool
	failing := error(nil)
	c := interceptor.NewClient(builder.Build(), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			o := client.ListOptions{}
			o.ApplyOptions(options)
			copied = append(copied, o.UnsafeDisableDeepCopy == nil || !*o.UnsafeDisableDeepCopy)
			return errors.Join(failing, c.List(ctx, list, options...))
		},
	})
	all := Certificates(t.Context(), c)
	var got []string
	for _, cert := range all() {
		got = append(got, client.ObjectKeyFromObject(cert).String())
	}
	if want := []string{"pay/web", "shop/web"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !slices.Equal(copied, []bool{false}) {
		t.Errorf("lists that copy: %v", copied)
	}
	if failing = errors.New("the cache has ended"); all() != nil {
		t.Error("certificates of a list that failed")
	}
}
