// SPDX-License-Identifier: Apache-2.0

// Package class has the keys that select the gateways of a certificate: the name of an IngressClass (may be empty), a key for one
// Gateway of the Gateway API, or None.
//
//	gateways := registry.For(class.Of(cert))
package class

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

const (
	// None is the class of certificates that have no gateway. It is no valid Kubernetes name.
	None = "/"

	gatewayPrefix = "Gateway/"
)

// Of returns the class of a certificate.
func Of(cert *v1alpha1.ApisixCertificate) string { return OfSpec(cert.Namespace, &cert.Spec) }

// OfSpec returns the class of a certificate with this spec in that namespace.
func OfSpec(namespace string, spec *v1alpha1.ApisixCertificateSpec) string {
	switch ref := spec.GatewayRef; {
	case spec.Gateways == v1alpha1.GatewaysNone:
		return None
	case ref != nil:
		return OfGateway(types.NamespacedName{Namespace: cmp.Or(ref.Namespace, namespace), Name: ref.Name})
	}
	return spec.IngressClassName
}

// OfGateway returns the class of a Gateway.
func OfGateway(gateway types.NamespacedName) string { return gatewayPrefix + gateway.String() }

// Gateway returns the Gateway of a class. ok is false for the class of an IngressClass.
func Gateway(class string) (gateway types.NamespacedName, ok bool) {
	rest, ok := strings.CutPrefix(class, gatewayPrefix)
	if !ok {
		return gateway, false
	}
	gateway.Namespace, gateway.Name, ok = strings.Cut(rest, "/")
	return gateway, ok
}
