// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"io"
	"net"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
)

// GatewayProxyKind is the kind by which 2.x ingress controllers are told of gateways. It is read without a Go type.
var GatewayProxyKind = schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v1alpha1", Kind: "GatewayProxy"}

// Annotations on a GatewayProxy: where its gateway's TLS port is, to prove what is served. Without them it is port 443 of
// spec.publishService.
const (
	// AnnotationTLSAddr is a list of HOST:PORT separated by commas, which are all asked.
	AnnotationTLSAddr = v1alpha1.Prefix + "tls-addr"
	// AnnotationTLSService is NAMESPACE/NAME:PORT of a Service, whose ready pods are all asked.
	AnnotationTLSService = v1alpha1.Prefix + "tls-service"
)

// Fields of a GatewayProxy that its faults are told with.
const (
	fieldProvider  = "spec.provider"
	fieldPlane     = "spec.provider.controlPlane"
	fieldEndpoints = "spec.provider.controlPlane.endpoints"
	fieldService   = "spec.provider.controlPlane.service"
	fieldKey       = "spec.provider.controlPlane.auth.adminKey"
	fieldSecretRef = "spec.provider.controlPlane.auth.adminKey.valueFrom.secretKeyRef"
)

// proxySpec is what is read of a GatewayProxy's spec.
type proxySpec struct {
	PublishService string `json:"publishService"`
	Provider       struct {
		Type         string        `json:"type"`
		ControlPlane *controlPlane `json:"controlPlane"`
	} `json:"provider"`
}

type controlPlane struct {
	Endpoints []string `json:"endpoints"`
	Service   *struct {
		Name string `json:"name"`
		Port int32  `json:"port"`
	} `json:"service"`
	TLSVerify *bool `json:"tlsVerify"`
	Auth      struct {
		AdminKey struct {
			Value     string `json:"value"`
			ValueFrom *struct {
				SecretKeyRef *struct {
					Name string `json:"name"`
					Key  string `json:"key"`
				} `json:"secretKeyRef"`
			} `json:"valueFrom"`
		} `json:"adminKey"`
	} `json:"auth"`
}

// Format keeps the admin key out of what is printed.
func (c controlPlane) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "control plane [redacted]")
}

// sourceOfProxy reads a GatewayProxy. The error is a *gateway.SetupError.
func sourceOfProxy(proxy *unstructured.Unstructured) (source, error) {
	s := source{object: "GatewayProxy " + proxy.GetNamespace() + "/" + proxy.GetName()}
	var spec proxySpec
	content, _ := proxy.Object["spec"].(map[string]any)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec); err != nil {
		return s, s.fault("spec", "it has another shape than that of "+GatewayProxyKind.GroupVersion().String())
	}
	s.setTLS(proxy.GetAnnotations(), spec.PublishService, proxy.GetNamespace())
	plane := spec.Provider.ControlPlane
	if spec.Provider.Type != "ControlPlane" && spec.Provider.Type != "" || plane == nil {
		return s, s.fault(fieldProvider, "there is no control plane: set type to ControlPlane and fill in controlPlane")
	}
	s.admin.insecure = plane.TLSVerify != nil && !*plane.TLSVerify
	if err := s.setAdmin(plane, proxy.GetNamespace()); err != nil {
		return s, err
	}
	return s, s.setKey(plane, proxy.GetNamespace())
}

// setAdmin finds the Admin API: the pods of a Service, or URLs.
func (s *source) setAdmin(plane *controlPlane, namespace string) error {
	if plane.Service != nil && plane.Service.Name != "" {
		s.admin.service = &ServicePort{namespace, plane.Service.Name, fmt.Sprint(plane.Service.Port)}
		s.admin.field = fieldService
		return nil
	}
	if len(plane.Endpoints) == 0 {
		return s.fault(fieldPlane, "it has neither endpoints nor a service: name the Admin API's address")
	}
	for i, url := range plane.Endpoints {
		if err := apisix.CheckEndpoint(url); err != nil {
			return s.fault(fmt.Sprintf("%s[%d]", fieldEndpoints, i), err.Error()+": write it as http://HOST:PORT")
		}
	}
	s.admin.urls, s.admin.field = plane.Endpoints, fieldEndpoints
	return nil
}

// setKey finds the admin key.
func (s *source) setKey(plane *controlPlane, namespace string) error {
	key := plane.Auth.AdminKey
	if key.Value != "" {
		s.key.value, s.key.field = apisix.StaticKey(key.Value), fieldKey+".value"
		return nil
	}
	if key.ValueFrom == nil || key.ValueFrom.SecretKeyRef == nil || key.ValueFrom.SecretKeyRef.Name == "" {
		return s.fault(fieldKey, "there is no admin key: set value, or valueFrom.secretKeyRef")
	}
	s.key.secret = &SecretKey{namespace, key.ValueFrom.SecretKeyRef.Name, key.ValueFrom.SecretKeyRef.Key}
	s.key.field = fieldSecretRef
	return nil
}

// setTLS finds where the TLS port is, by annotation, else by publishService: NAMESPACE/NAME, or NAME in the namespace
// given. A fault there keeps no certificate from being pushed.
func (s *source) setTLS(annotations map[string]string, publishService, namespace string) {
	switch list, service := annotations[AnnotationTLSAddr], annotations[AnnotationTLSService]; {
	case list != "":
		s.tls.field = "annotation " + AnnotationTLSAddr
		s.setTLSAddrs(list)
	case service != "":
		s.tls.field = "annotation " + AnnotationTLSService
		s.setTLSService(service)
	case publishService != "":
		if !strings.Contains(publishService, "/") {
			publishService = namespace + "/" + publishService
		}
		s.tls.field, s.tls.optional = "spec.publishService", true
		s.setTLSService(publishService + ":443")
	}
}

func (s *source) setTLSAddrs(list string) {
	for addr := range strings.SplitSeq(list, ",") {
		addr = strings.TrimSpace(addr)
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			s.tls.problem = s.fault(s.tls.field, fmt.Sprintf("%q is not of the form HOST:PORT", addr)).Error()
			return
		}
		s.tls.addrs = append(s.tls.addrs, addr)
	}
}

func (s *source) setTLSService(text string) {
	service, err := ParseServicePort(text)
	if err != nil {
		s.tls.problem = s.fault(s.tls.field, err.Error()).Error()
		return
	}
	s.tls.service = &service
}
