// SPDX-License-Identifier: Apache-2.0

// Package class has the keys by which the gateways of a certificate are picked: the name of an IngressClass, empty for none; or what
// stands for one Gateway of the Gateway API; or None.
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
	// None is the class of certificates that are for no gateway. No object of Kubernetes has this name.
	None = "/"

	gatewayPrefix = "Gateway/"
)

// Of is the class of a certificate.
func Of(cert *v1alpha1.ApisixCertificate) string { return OfSpec(cert.Namespace, &cert.Spec) }

// OfSpec is the class of a certificate of that namespace.
func OfSpec(namespace string, spec *v1alpha1.ApisixCertificateSpec) string {
	switch ref := spec.GatewayRef; {
	case spec.Gateways == v1alpha1.GatewaysNone:
		return None
	case ref != nil:
		return OfGateway(types.NamespacedName{Namespace: cmp.Or(ref.Namespace, namespace), Name: ref.Name})
	}
	return spec.IngressClassName
}

// OfGateway is the class of what is for one Gateway.
func OfGateway(gateway types.NamespacedName) string { return gatewayPrefix + gateway.String() }

// Gateway is the Gateway that a class is of; ok is false for that of an IngressClass.
func Gateway(class string) (gateway types.NamespacedName, ok bool) {
	rest, ok := strings.CutPrefix(class, gatewayPrefix)
	if !ok {
		return gateway, false
	}
	gateway.Namespace, gateway.Name, ok = strings.Cut(rest, "/")
	return gateway, ok
}
