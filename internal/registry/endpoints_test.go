// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

func TestParseServicePort(t *testing.T) {
	for text, want := range map[string]ServicePort{
		"apisix/admin:9180":       {"apisix", "admin", "9180"},
		"apisix/admin:admin-port": {"apisix", "admin", "admin-port"},
		"apisix/admin:":           {},
		"apisix/admin":            {},
		"admin:9180":              {},
		"/admin:9180":             {},
		"apisix/:9180":            {},
		"apisix/admin:0":          {},
		"apisix/admin:65536":      {},
		"apisix/admin/x:9180":     {},
		"http://admin:9180":       {},
		"apisix/admin:9180:9181":  {},
		"":                        {},
	} {
		got, err := ParseServicePort(text)
		if got != want || (err == nil) != (want.Name != "") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// podSlice is an EndpointSlice of Service default/admin with one port.
func podSlice(port string, number int32, endpoints ...discoveryv1.Endpoint) discoveryv1.EndpointSlice {
	return discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "default", Name: "admin-1", Labels: map[string]string{discoveryv1.LabelServiceName: "admin"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &port, Port: &number}}, Endpoints: endpoints,
	}
}

func pod(addr string, ready *bool, uid string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{addr}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	if uid != "" {
		e.TargetRef = &corev1.ObjectReference{UID: types.UID(uid)}
	}
	return e
}

func TestReadyAddrs(t *testing.T) {
	yes, no := ptr.To(true), ptr.To(false)
	service := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "https", Port: 443}}}}
	unnamed := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443}}}}
	tls := podSlice("https", 9443, pod("10.0.0.2", yes, "b"), pod("10.0.0.1", yes, "a"))
	for name, test := range map[string]struct {
		service *corev1.Service
		slices  []discoveryv1.EndpointSlice
		port    string
		want    []string
		known   bool
	}{
		"number of the Service":    {service, []discoveryv1.EndpointSlice{tls}, "443", []string{"10.0.0.1:9443", "10.0.0.2:9443"}, true},
		"name":                     {service, []discoveryv1.EndpointSlice{tls}, "https", []string{"10.0.0.1:9443", "10.0.0.2:9443"}, true},
		"number of the pods":       {service, []discoveryv1.EndpointSlice{tls}, "9443", nil, false},
		"no Service: their number": {nil, []discoveryv1.EndpointSlice{tls}, "9443", []string{"10.0.0.1:9443", "10.0.0.2:9443"}, true},
		"no Service: their name":   {nil, []discoveryv1.EndpointSlice{tls}, "https", []string{"10.0.0.1:9443", "10.0.0.2:9443"}, true},
		"no Service, no slice":     {nil, nil, "443", nil, false},
		"port without a name":      {unnamed, []discoveryv1.EndpointSlice{podSlice("", 9443, pod("10.0.0.1", yes, "a"))}, "443", []string{"10.0.0.1:9443"}, true},
		"not ready":                {service, []discoveryv1.EndpointSlice{podSlice("https", 1, pod("10.0.0.1", no, "a"))}, "443", nil, true},
		"ready not told":           {service, []discoveryv1.EndpointSlice{podSlice("https", 1, pod("10.0.0.1", nil, "a"))}, "443", []string{"10.0.0.1:1"}, true},
		"no address":               {service, []discoveryv1.EndpointSlice{podSlice("https", 1, discoveryv1.Endpoint{})}, "443", nil, true},
		"no pods":                  {service, nil, "443", nil, true},
		"other port":               {service, []discoveryv1.EndpointSlice{podSlice("http", 80, pod("10.0.0.1", yes, "a"))}, "443", nil, true},
		"both families of one pod": {service, []discoveryv1.EndpointSlice{podSlice("https", 1, pod("fd00::1", yes, "a")), podSlice("https", 1, pod("10.0.0.1", yes, "a"))}, "443", []string{"10.0.0.1:1"}, true},
		"IPv6":                     {service, []discoveryv1.EndpointSlice{podSlice("https", 1, pod("fd00::1", yes, ""))}, "443", []string{"[fd00::1]:1"}, true},
	} {
		got, known := readyAddrs(test.service, test.slices, test.port)
		if diff := cmp.Diff(test.want, got); diff != "" || known != test.known {
			t.Errorf("%s: known %t, %s", name, known, diff)
		}
	}
}
