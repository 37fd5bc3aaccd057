// SPDX-License-Identifier: Apache-2.0

// Package source makes ApisixCertificates from the objects that users write: ApisixTls, ApisixRoute,
// Ingress, Gateway and ListenerSet.
//
// A kind of source differs from the others in one pure function, from the object to what it wants (kinds.go); one
// reconciler does the rest: it compares what is wanted with the ApisixCertificates there are, and creates, patches or
// deletes. It never writes to a source object.
package source

import (
	networkingv1 "k8s.io/api/networking/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Defaults is what applies to every source object.
type Defaults struct {
	// Issuer serves objects that name none and want a certificate: by annotation manage or tls-acme, or by ManageAll. Nil:
	// there is no such issuer.
	Issuer *v1alpha1.IssuerReference
	// ManageAll opts in every object that could have a certificate, not the annotated ones alone. Needs Issuer.
	ManageAll bool
	// IngressClass limits the objects to this class and those without one, and Gateways to the GatewayClass of this name. Empty: all.
	IngressClass string
}

// classOf is the ingress class of an Ingress as the 1.8 ingress controller sees it: the annotation wins.
func classOf(ingress *networkingv1.Ingress) string {
	if class := ingress.Annotations["kubernetes.io/ingress.class"]; class != "" {
		return class
	}
	if ingress.Spec.IngressClassName != nil {
		return *ingress.Spec.IngressClassName
	}
	return ""
}

func (d Defaults) watches(class string) bool {
	return d.IngressClass == "" || class == "" || class == d.IngressClass
}
