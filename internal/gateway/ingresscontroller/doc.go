// SPDX-License-Identifier: Apache-2.0

// Package ingresscontroller knows the names and labels of the ssl objects of apache/apisix-ingress-controller.
//
//	id := ingresscontroller.V2.ID(ingresscontroller.Source{Kind: "ApisixTls", Namespace: "default", Name: "shop"})
//
// The tests compare with objects of real controllers of both versions. The package makes no requests.
package ingresscontroller

// Version is a version of the ingress controller, as far as ssl objects differ.
type Version string

// Versions.
const (
	V18 Version = "1.8"
	V2  Version = "2.x"
)

// Name is the value of the label with which both versions mark their objects.
const Name = "apisix-ingress-controller"

// Values of IngressClass spec.controller in the charts of the two versions. 1.8 itself reads no IngressClass; 2.x can be
// configured with another name.
const (
	Class18 = "apisix.apache.org/apisix-ingress"
	Class2  = "apisix.apache.org/apisix-ingress-controller"
)

// ClassPrefix is the prefix of both.
const ClassPrefix = "apisix.apache.org/"

// Labels of their objects. The spelling manager-by is that of 2.x.
const (
	Label18ManagedBy       = "managed-by"
	Label18SecretNamespace = "meta_secret_namespace"
	Label18SecretName      = "meta_secret_name"

	Label2ManagedBy  = "manager-by"
	Label2Kind       = "k8s/kind"
	Label2Namespace  = "k8s/namespace"
	Label2Name       = "k8s/name"
	Label2Controller = "k8s/controller-name"
)

// VersionOf returns the version whose object has these labels, or an empty string if no ingress controller's object has.
// label returns the value of a label, or an empty string.
func VersionOf(label func(key string) string) Version {
	switch {
	case label(Label2ManagedBy) == Name:
		return V2
	case label(Label18ManagedBy) == Name:
		return V18
	}
	return ""
}

// VersionOfClass returns the version whose chart has IngressClasses with this spec.controller, or an empty string.
func VersionOfClass(controller string) Version {
	switch controller {
	case Class2:
		return V2
	case Class18:
		return V18
	}
	return ""
}

// ServesHostsFromRules reports whether the version serves a TLS entry without hosts of an Ingress, with the hosts of its
// rules.
func (v Version) ServesHostsFromRules() bool { return v != V18 }

// Serves reports whether any version creates ssl objects for objects of this kind.
func Serves(kind string) bool { return kind != "ListenerSet" }

// ForAPISIXOnly reports whether only ingress controllers of APISIX use objects of this kind.
func ForAPISIXOnly(kind string) bool { return kind == "ApisixTls" }
