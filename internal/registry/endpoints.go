// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// ServicePort is a port of a Service whose pods are watched.
type ServicePort struct {
	Namespace, Name string
	// Port is the name or the number of the Service's port.
	Port string
}

// ParseServicePort parses NAMESPACE/NAME:PORT. PORT is a number or a name.
func ParseServicePort(text string) (ServicePort, error) {
	object, port, _ := strings.Cut(text, ":")
	namespace, name, _ := strings.Cut(object, "/")
	badPort := validation.IsValidPortName(port)
	if number, err := strconv.Atoi(port); err == nil {
		badPort = validation.IsValidPortNum(number)
	}
	if len(validation.IsDNS1123Label(namespace))+len(validation.IsDNS1123Label(name))+len(badPort) > 0 {
		return ServicePort{}, fmt.Errorf("%q is not of the form NAMESPACE/NAME:PORT", text)
	}
	return ServicePort{Namespace: namespace, Name: name, Port: port}, nil
}

func (p ServicePort) String() string { return p.Namespace + "/" + p.Name + ":" + p.Port }

// serverName returns the name in a certificate of the Service.
func (p ServicePort) serverName() string { return p.Name + "." + p.Namespace + ".svc" }

// readyAddrs returns HOST:PORT of the ready pods behind a port of a Service, sorted, with one address for each dual-stack
// pod. known is false if there is no such port. If service is nil, the Service does not exist, and port is that of the
// EndpointSlices.
func readyAddrs(service *corev1.Service, slicesOf []discoveryv1.EndpointSlice, port string) (addrs []string, known bool) {
	match := func(p discoveryv1.EndpointPort) bool {
		return port == value(p.Name) || p.Port != nil && port == strconv.Itoa(int(*p.Port))
	}
	if service != nil {
		name, ok := portName(service, port)
		if !ok {
			return nil, false
		}
		match = func(p discoveryv1.EndpointPort) bool { return value(p.Name) == name }
	}
	byPod := map[string]string{}
	for _, slice := range slicesOf {
		for _, p := range slice.Ports {
			if p.Port == nil || !match(p) {
				continue
			}
			known = true
			addReady(byPod, slice, int(*p.Port))
		}
	}
	return slices.Sorted(maps.Values(byPod)), known || service != nil
}

// addReady adds the ready endpoints of one slice. Of several addresses of a pod, the first in sort order is used.
func addReady(byPod map[string]string, slice discoveryv1.EndpointSlice, port int) {
	for _, endpoint := range slice.Endpoints {
		if ready := endpoint.Conditions.Ready; ready != nil && !*ready || len(endpoint.Addresses) == 0 {
			continue // nil means ready
		}
		addr := net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(port))
		pod := addr
		if endpoint.TargetRef != nil && endpoint.TargetRef.UID != "" {
			pod = string(endpoint.TargetRef.UID)
		}
		byPod[pod] = min(cmp.Or(byPod[pod], addr), addr)
	}
}

// portName returns the name of the Service's port in EndpointSlices, which may be empty.
func portName(service *corev1.Service, port string) (name string, ok bool) {
	for _, p := range service.Spec.Ports {
		if p.Name == port || strconv.Itoa(int(p.Port)) == port {
			return p.Name, true
		}
	}
	return "", false
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
