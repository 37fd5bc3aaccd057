// SPDX-License-Identifier: Apache-2.0

package source

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// TestUsesClass: a use says which class it names, and whose controller serves it; without a class that of the default one.
func TestUsesClass(t *testing.T) {
	class := func(name, controller string, isDefault bool) *networkingv1.IngressClass {
		c := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: networkingv1.IngressClassSpec{Controller: controller}}
		if isDefault {
			c.Annotations = map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"}
		}
		return c
	}
	for name, test := range map[string]struct {
		class   string
		classes []client.Object
		want    string
	}{
		"named":                        {"apisix", []client.Object{class("apisix", "a", false), class("other", "b", true)}, "a"},
		"named, and not there":         {"apsix", []client.Object{class("apisix", "a", true)}, ""},
		"none, and no default":         {"", []client.Object{class("apisix", "a", false)}, ""},
		"none, and a default":          {"", []client.Object{class("apisix", "a", false), class("other", "b", true)}, "b"},
		"none, and no class is there":  {"", nil, ""},
		"named, and no class is there": {"apisix", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ingress := &networkingv1.Ingress{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
				Spec:       networkingv1.IngressSpec{TLS: []networkingv1.IngressTLS{{Hosts: []string{"a.example.com"}, SecretName: "web-tls"}}},
			}
			if test.class != "" {
				ingress.Spec.IngressClassName = &test.class
			}
			uses := &Uses{Client: fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).
				WithIndex(&networkingv1.Ingress{}, indexSecret, ingressSecrets).WithObjects(append(test.classes, ingress)...).Build()}
			got, err := uses.Of(t.Context(), "shop", "web-tls")
			if err != nil || len(got) != 1 || got[0].Class != test.class || got[0].Controller != test.want {
				t.Errorf("%+v %v, want class %q of %q", got, err, test.class, test.want)
			}
		})
	}
}
