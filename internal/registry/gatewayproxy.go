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

// GatewayProxyKind is the kind with which 2.x ingress controllers are configured for gateways. It is read without a Go
// type.
var GatewayProxyKind = schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v1alpha1", Kind: "GatewayProxy"}

// Annotations on a GatewayProxy with its gateway's TLS port, to verify what is served. Without them it is port 443 of
// spec.publishService.
const (
	// AnnotationTLSAddr is a list of HOST:PORT separated by commas. All of them are verified.
	AnnotationTLSAddr = v1alpha1.Prefix + "tls-addr"
	// AnnotationTLSService is NAMESPACE/NAME:PORT of a Service. All of its ready pods are verified.
	AnnotationTLSService = v1alpha1.Prefix + "tls-service"
)

// Fields of a GatewayProxy, for errors.
const (
	fieldProvider  = "spec.provider"
	fieldPlane     = "spec.provider.controlPlane"
	fieldEndpoints = "spec.provider.controlPlane.endpoints"
	fieldService   = "spec.provider.controlPlane.service"
	fieldKey       = "spec.provider.controlPlane.auth.adminKey"
	fieldSecretRef = "spec.provider.controlPlane.auth.adminKey.valueFrom.secretKeyRef"
)

// proxySpec has the relevant fields of a GatewayProxy's spec.
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

// Format redacts the admin key.
func (c controlPlane) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "control plane [redacted]")
}

// sourceOfProxy reads a GatewayProxy. The error is a *gateway.SetupError.
func sourceOfProxy(proxy *unstructured.Unstructured) (source, error) {
	s := source{object: "GatewayProxy " + proxy.GetNamespace() + "/" + proxy.GetName()}
	var spec proxySpec
	content, _ := proxy.Object["spec"].(map[string]any)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec); err != nil {
		return s, s.fault("spec", "does not match the schema of "+GatewayProxyKind.GroupVersion().String())
	}
	s.setTLS(proxy.GetAnnotations(), spec.PublishService, proxy.GetNamespace())
	plane := spec.Provider.ControlPlane
	if spec.Provider.Type != "ControlPlane" && spec.Provider.Type != "" || plane == nil {
		return s, s.fault(fieldProvider, "no control plane is configured; set type to ControlPlane and fill in controlPlane")
	}
	s.admin.insecure = plane.TLSVerify != nil && !*plane.TLSVerify
	if err := s.setAdmin(plane, proxy.GetNamespace()); err != nil {
		return s, err
	}
	return s, s.setKey(plane, proxy.GetNamespace())
}

// setAdmin sets the Admin API: the pods of a Service, or URLs.
func (s *source) setAdmin(plane *controlPlane, namespace string) error {
	if plane.Service != nil && plane.Service.Name != "" {
		s.admin.service = &ServicePort{namespace, plane.Service.Name, fmt.Sprint(plane.Service.Port)}
		s.admin.field = fieldService
		return nil
	}
	if len(plane.Endpoints) == 0 {
		return s.fault(fieldPlane, "must have endpoints or a service with the address of the Admin API")
	}
	for i, url := range plane.Endpoints {
		if err := apisix.CheckEndpoint(url); err != nil {
			return s.fault(fmt.Sprintf("%s[%d]", fieldEndpoints, i), err.Error()+"; write it as http://HOST:PORT")
		}
	}
	s.admin.urls, s.admin.field = plane.Endpoints, fieldEndpoints
	return nil
}

// setKey sets the admin key.
func (s *source) setKey(plane *controlPlane, namespace string) error {
	key := plane.Auth.AdminKey
	if key.Value != "" {
		s.key.value, s.key.field = apisix.StaticKey(key.Value), fieldKey+".value"
		return nil
	}
	if key.ValueFrom == nil || key.ValueFrom.SecretKeyRef == nil || key.ValueFrom.SecretKeyRef.Name == "" {
		return s.fault(fieldKey, "no admin key is configured; set value or valueFrom.secretKeyRef")
	}
	s.key.secret = &SecretKey{namespace, key.ValueFrom.SecretKeyRef.Name, key.ValueFrom.SecretKeyRef.Key}
	s.key.field = fieldSecretRef
	return nil
}

// setTLS sets the TLS port from an annotation, otherwise from publishService: NAMESPACE/NAME, or NAME in the given
// namespace. A fault there does not prevent a push.
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
