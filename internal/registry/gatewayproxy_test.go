// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/internal/gateway"
)

// proxyOf is GatewayProxy apisix/config with a spec in YAML.
func proxyOf(t *testing.T, spec string, annotations ...string) *unstructured.Unstructured {
	t.Helper()
	proxy := &unstructured.Unstructured{Object: map[string]any{}}
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(spec), &content); err != nil {
		t.Fatal(err)
	}
	proxy.Object["spec"] = content
	proxy.SetGroupVersionKind(GatewayProxyKind)
	proxy.SetNamespace("apisix")
	proxy.SetName("config")
	if len(annotations) > 0 {
		proxy.SetAnnotations(map[string]string{annotations[0]: annotations[1]})
	}
	return proxy
}

const proxyKey = "auth: {type: AdminKey, adminKey: {value: kkkkkkkkkkkkkkkkkkkk}}"

func planeSpec(plane string) string {
	return "provider: {type: ControlPlane, controlPlane: {" + plane + "}}"
}

// A fault names object and field, and not the admin key.
func TestProxyFaults(t *testing.T) {
	for spec, field := range map[string]string{
		``:                               "spec.provider",
		`provider: {type: Other}`:        "spec.provider",
		`provider: {type: ControlPlane}`: "spec.provider",
		`provider: [x]`:                  "spec",
		planeSpec(proxyKey):              "spec.provider.controlPlane",
		planeSpec(`endpoints: {}`):       "spec",
		planeSpec(`endpoints: ["http://a:1", "a:1"], ` + proxyKey):                                        "spec.provider.controlPlane.endpoints[1]",
		planeSpec(`endpoints: ["http://u:p@a:1"], ` + proxyKey):                                           "spec.provider.controlPlane.endpoints[0]",
		planeSpec(`endpoints: ["http://a:1?api_key=kkkkkkkkkkkkkkkkkkkk"]`):                               "spec.provider.controlPlane.endpoints[0]",
		planeSpec(`endpoints: ["http://a:1"]`):                                                            "spec.provider.controlPlane.auth.adminKey",
		planeSpec(`service: {name: a, port: 1}`):                                                          "spec.provider.controlPlane.auth.adminKey",
		planeSpec(`service: {name: a, port: 1}, auth: {adminKey: {valueFrom: {secretKeyRef: {key: x}}}}`): "spec.provider.controlPlane.auth.adminKey",
	} {
		_, err := sourceOfProxy(proxyOf(t, spec))
		var setup *gateway.SetupError
		if !errors.As(err, &setup) || setup.Object != "GatewayProxy apisix/config" || setup.Field != field {
			t.Errorf("%s: %v", spec, err)
		}
		if err != nil && (strings.Contains(err.Error(), "kkkk") || strings.Contains(err.Error(), "u:p")) {
			t.Errorf("%s: the key or password is told: %v", spec, err)
		}
	}
}

func TestProxyAdmin(t *testing.T) {
	s, err := sourceOfProxy(proxyOf(t, planeSpec(`service: {name: admin, port: 9180}, tlsVerify: false, `+proxyKey)))
	if err != nil || *s.admin.service != (ServicePort{"apisix", "admin", "9180"}) || !s.admin.insecure || s.key.value == nil {
		t.Errorf("service: %v, %v", s.admin.service, err)
	}
	s, err = sourceOfProxy(proxyOf(t, planeSpec(`endpoints: ["https://a:1", "https://b:1"], auth: {adminKey: {valueFrom: {secretKeyRef: {name: secret, key: admin}}}}`)))
	if diff := cmp.Diff([]string{"https://a:1", "https://b:1"}, s.admin.urls); diff != "" || err != nil || s.admin.insecure {
		t.Errorf("endpoints: %v, %s", err, diff)
	}
	if *s.key.secret != (SecretKey{"apisix", "secret", "admin"}) {
		t.Errorf("key: %v", s.key.secret)
	}
}

func TestProxyTLS(t *testing.T) {
	for name, test := range map[string]struct {
		annotation, value, publishService string
		addrs                             []string
		service                           *ServicePort
		problem                           string
	}{
		"nothing":            {},
		"publishService":     {publishService: "ns/gateway", service: &ServicePort{"ns", "gateway", "443"}},
		"its own namespace":  {publishService: "gateway", service: &ServicePort{"apisix", "gateway", "443"}},
		"addresses win":      {annotation: AnnotationTLSAddr, value: "a:1, b:2", publishService: "ns/gateway", addrs: []string{"a:1", "b:2"}},
		"service wins":       {annotation: AnnotationTLSService, value: "x/y:tls", publishService: "ns/gateway", service: &ServicePort{"x", "y", "tls"}},
		"bad address":        {annotation: AnnotationTLSAddr, value: "a", problem: "HOST:PORT"},
		"bad service":        {annotation: AnnotationTLSService, value: "a", problem: "NAMESPACE/NAME:PORT"},
		"bad publishService": {publishService: "A B", problem: "NAMESPACE/NAME:PORT"},
	} {
		spec := fmt.Sprintf("publishService: %q\n%s", test.publishService, planeSpec(`endpoints: ["http://a:1"], `+proxyKey))
		s, err := sourceOfProxy(proxyOf(t, spec, test.annotation, test.value))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.service, s.tls.service); diff != "" || (test.problem != "") != (s.tls.problem != "") || !strings.Contains(s.tls.problem, test.problem) {
			t.Errorf("%s: %q %s", name, s.tls.problem, diff)
		}
		if diff := cmp.Diff(test.addrs, s.tls.addrs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever is printed of a GatewayProxy's settings, the key is not.
func TestProxySpecRedacts(t *testing.T) {
	s, err := sourceOfProxy(proxyOf(t, planeSpec(`service: {name: a, port: 1}, `+proxyKey)))
	if err != nil {
		t.Fatal(err)
	}
	var plane controlPlane
	plane.Auth.AdminKey.Value = "kkkkkkkkkkkkkkkkkkkk"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, value := range []any{s, &s, plane, &plane, proxySpec{}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "kkkk") {
				t.Errorf("%s of %T tells the key", verb, value)
			}
		}
	}
}
