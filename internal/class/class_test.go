// SPDX-License-Identifier: Apache-2.0

package class

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name string
		spec v1alpha1.ApisixCertificateSpec
		want string
	}{
		{"nothing", v1alpha1.ApisixCertificateSpec{}, ""},
		{"an IngressClass", v1alpha1.ApisixCertificateSpec{IngressClassName: "apisix"}, "apisix"},
		{"a Gateway", v1alpha1.ApisixCertificateSpec{GatewayRef: &v1alpha1.GatewayReference{Name: "gw"}}, "Gateway/shop/gw"},
		{"one of another namespace", v1alpha1.ApisixCertificateSpec{GatewayRef: &v1alpha1.GatewayReference{Name: "gw", Namespace: "infra"}}, "Gateway/infra/gw"},
		{"none", v1alpha1.ApisixCertificateSpec{IngressClassName: "apisix", Gateways: v1alpha1.GatewaysNone}, None},
		{"auto", v1alpha1.ApisixCertificateSpec{IngressClassName: "apisix", Gateways: v1alpha1.GatewaysAuto}, "apisix"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cert := &v1alpha1.ApisixCertificate{Spec: c.spec}
			cert.Namespace = "shop"
			if got := Of(cert); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestGateway(t *testing.T) {
	want := types.NamespacedName{Namespace: "shop", Name: "gw"}
	if got, ok := Gateway(OfGateway(want)); !ok || got != want {
		t.Errorf("got %v %v, want %v", got, ok, want)
	}
	for _, class := range []string{"", "apisix", None, "Gateway", "Gateway/gw"} {
		if got, ok := Gateway(class); ok {
			t.Errorf("class %q is taken for that of Gateway %v", class, got)
		}
	}
}
