// SPDX-License-Identifier: Apache-2.0

// Package ingresscontroller knows how apache/apisix-ingress-controller names and labels the ssl objects that it keeps.
//
//	id := ingresscontroller.V2.ID(ingresscontroller.Source{Kind: "ApisixTls", Namespace: "default", Name: "shop"})
//
// Both versions were watched at work; the tests compare with objects of the real ones. It reads and writes nothing.
package ingresscontroller

// Version is a version of the ingress controller, as far as its ssl objects differ.
type Version string

// Versions.
const (
	V18 Version = "1.8"
	V2  Version = "2.x"
)

// Name is the value of the label by which both versions mark their objects.
const Name = "apisix-ingress-controller"

// The names of IngressClasses' controllers in the charts of the two versions. 1.8 itself reads no IngressClass; 2.x may be
// configured with another name.
const (
	Class18 = "apisix.apache.org/apisix-ingress"
	Class2  = "apisix.apache.org/apisix-ingress-controller"
)

// ClassPrefix begins the names of both.
const ClassPrefix = "apisix.apache.org/"

// Labels of their objects. 2.x spells manager-by so.
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

// VersionOf is the version whose object has these labels; empty: it is no ingress controller's. label gives the value of
// one, empty where there is none.
func VersionOf(label func(key string) string) Version {
	switch {
	case label(Label2ManagedBy) == Name:
		return V2
	case label(Label18ManagedBy) == Name:
		return V18
	}
	return ""
}

// VersionOfClass is the version whose chart has IngressClasses with this spec.controller; empty: neither's.
func VersionOfClass(controller string) Version {
	switch controller {
	case Class2:
		return V2
	case Class18:
		return V18
	}
	return ""
}

// ServesImplicit reports whether the version serves a TLS entry of an Ingress without hosts, for those of its rules.
func (v Version) ServesHostsFromRules() bool { return v != V18 }

// Serves reports whether any version makes ssl objects for objects of this kind.
func Serves(kind string) bool { return kind != "ListenerSet" }

// Only reports whether objects of this kind are for ingress controllers of APISIX alone.
func ForAPISIXOnly(kind string) bool { return kind == "ApisixTls" }
