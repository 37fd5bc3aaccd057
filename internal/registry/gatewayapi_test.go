// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

func gatewayClass(name, controller string, parameters map[string]any) *unstructured.Unstructured {
	u := gatewayapi.NewClass()
	u.SetName(name)
	u.Object["spec"] = map[string]any{"controllerName": controller}
	if parameters != nil {
		u.Object["spec"].(map[string]any)["parametersRef"] = parameters
	}
	return u
}

func gatewayOf(name, class string, parameters map[string]any) *unstructured.Unstructured {
	u := gatewayapi.NewGateway().(*unstructured.Unstructured)
	u.SetNamespace("apisix")
	u.SetName(name)
	spec := map[string]any{"gatewayClassName": class, "listeners": []any{}}
	if parameters != nil {
		spec["infrastructure"] = map[string]any{"parametersRef": parameters}
	}
	u.Object["spec"] = spec
	return u
}

func proxyNamed(namespace string) map[string]any {
	ref := map[string]any{"group": "apisix.apache.org", "kind": "GatewayProxy", "name": "proxy"}
	if namespace != "" {
		ref["namespace"] = namespace
	}
	return ref
}

// TestGatewayOfGateway: a Gateway's GatewayProxy decides, then that of its class, then the class's controller.
func TestGatewayOfGateway(t *testing.T) {
	server := standIn(t, apisixtest.Options{})
	h := newHall(t, flagsAt(server),
		gatewayClass("apisix", ingresscontroller.Class2, nil), gatewayClass("with-proxy", ingresscontroller.Class2, proxyNamed("apisix")),
		gatewayClass("others", "example.com/gateway-controller", nil), gatewayClass("half", ingresscontroller.Class2, proxyNamed("")),
		gatewayOf("plain", "apisix", nil), gatewayOf("of-class", "with-proxy", nil), gatewayOf("own-proxy", "apisix", proxyNamed("")),
		gatewayOf("others", "others", nil), gatewayOf("others-proxy", "others", proxyNamed("")), gatewayOf("no-class", "absent", nil), gatewayOf("half", "half", nil))
	names := func(gw string) []string {
		var all []string
		for _, g := range h.For(class.OfGateway(types.NamespacedName{Namespace: "apisix", Name: gw})) {
			all = append(all, g.Name)
		}
		return all
	}
	if got := names("plain"); len(got) != 1 || got[0] != "Gateway apisix/plain" {
		t.Errorf("without the CRDs: %q", got)
	}
	h.EnableGatewayAPI()
	for gw, want := range map[string]string{
		"plain": FlagsName, "of-class": "apisix/proxy", "own-proxy": "apisix/proxy", "others": "", "others-proxy": "apisix/proxy", "gone": "",
		"no-class": "Gateway apisix/no-class", "half": "Gateway apisix/half",
	} {
		got := names(gw)
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) {
			t.Errorf("Gateway %s has gateways %q, want %q", gw, got, want)
		}
	}
	if got := h.For(class.None); len(got) > 0 {
		t.Errorf("a certificate for no gateway has %d", len(got))
	}
	var setup *gateway.SetupError
	_, err := h.one(class.OfGateway(types.NamespacedName{Namespace: "apisix", Name: "no-class"})).FindMode(t.Context())
	if !errors.As(err, &setup) || !setup.NoClass || setup.Field != "spec.gatewayClassName" {
		t.Errorf("got %v", err)
	}
	// A Gateway of an APISIX class has a controller that deletes what it does not know.
	if controlled, exclusive, err := h.controllers(t.Context(), FlagsName); !controlled || !exclusive || err != nil {
		t.Errorf("controlled %v, exclusive %v, %v", controlled, exclusive, err)
	}
}
