// SPDX-License-Identifier: Apache-2.0

// Package gatewayapi reads the relevant fields of Gateways, ListenerSets and GatewayClasses (gateway.networking.k8s.io).
//
//	gw := gatewayapi.GatewayOf(u)
//	for _, l := range gw.Listeners { ... }
//
// Objects are read without Go types, and each listener separately: the versions of the CRDs differ, and an unreadable
// listener must not hide the others. The package writes nothing.
package gatewayapi

import (
	"cmp"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

var groupVersion = schema.GroupVersion{Group: gatewayv1.GroupName, Version: "v1"}

// Kinds.
var (
	GatewayKind     = groupVersion.WithKind("Gateway")
	ListenerSetKind = groupVersion.WithKind("ListenerSet")
	ClassKind       = groupVersion.WithKind("GatewayClass")
)

// NewGateway returns an empty Gateway.
func NewGateway() client.Object {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(GatewayKind)
	return u
}

// NewGatewayList returns an empty list of Gateways.
func NewGatewayList() client.ObjectList { return newList(GatewayKind.Kind) }

// NewListenerSet returns an empty ListenerSet.
func NewListenerSet() client.Object {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(ListenerSetKind)
	return u
}

// NewListenerSetList returns an empty list of ListenerSets.
func NewListenerSetList() client.ObjectList { return newList(ListenerSetKind.Kind) }

// NewClass returns an empty GatewayClass.
func NewClass() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(ClassKind)
	return u
}

func newList(kind string) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(groupVersion.WithKind(kind + "List"))
	return list
}

// Gateway has the relevant fields of a Gateway.
type Gateway struct {
	Class     string
	Listeners []Listener
	// Parameters are those of spec.infrastructure, which override those of the class. Nil means none.
	Parameters *Parameters

	allowed gatewayv1.ListenerNamespaces
	// clientCertPorts are the ports on which clients must present a certificate. Zero means all other ports.
	clientCertPorts map[int32]bool
}

// ListenerSet has the relevant fields of a ListenerSet.
type ListenerSet struct {
	Parent    types.NamespacedName // the Gateway
	Listeners []Listener
}

// Class has the relevant fields of a GatewayClass.
type Class struct {
	Name, Controller string
	Accepted         bool        // by its controller
	Parameters       *Parameters // nil: none
}

// Parameters is a reference to the object with the settings of a Gateway or a GatewayClass.
type Parameters struct{ Group, Kind, Namespace, Name string }

// Listener has the relevant fields of a listener that may need a certificate.
type Listener struct {
	Name, Hostname string
	Terminates     bool // TLS is terminated at the gateway
	Passthrough    bool
	Refs           []Ref
	// RequiresClientCert: clients must present a certificate.
	RequiresClientCert bool
	// Unreadable: the listener does not match the known schema.
	Unreadable bool
}

// Ref is one of a listener's certificateRefs.
type Ref struct {
	Group, Kind string // "", "Secret" for Secrets
	Secret      types.NamespacedName
}

// OfSecret reports whether r references a Secret.
func (r Ref) OfSecret() bool { return r.Group == "" && r.Kind == "Secret" }

// GatewayOf reads a Gateway.
func GatewayOf(u *unstructured.Unstructured) Gateway {
	g := Gateway{clientCertPorts: clientCertPortsOf(u)}
	g.Class, _, _ = unstructured.NestedString(u.Object, "spec", "gatewayClassName")
	g.Parameters = parametersOf(u, u.GetNamespace(), "spec", "infrastructure", "parametersRef")
	if fields, _, _ := unstructured.NestedMap(u.Object, "spec", "allowedListeners", "namespaces"); fields != nil {
		_ = runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &g.allowed) // an unknown value allows none
	}
	g.Listeners = listenersOf(u, g.clientCertPorts)
	return g
}

// ListenerSetOf reads a ListenerSet. parent is its Gateway, which may require client certificates. Nil means that it is not
// known.
func ListenerSetOf(u *unstructured.Unstructured, parent *Gateway) ListenerSet {
	set := ListenerSet{}
	set.Parent.Name, _, _ = unstructured.NestedString(u.Object, "spec", "parentRef", "name")
	namespace, _, _ := unstructured.NestedString(u.Object, "spec", "parentRef", "namespace")
	set.Parent.Namespace = cmp.Or(namespace, u.GetNamespace())
	var mutual map[int32]bool
	if parent != nil {
		mutual = parent.clientCertPorts
	}
	set.Listeners = listenersOf(u, mutual)
	return set
}

// ClassOf reads a GatewayClass.
func ClassOf(u *unstructured.Unstructured) Class {
	c := Class{Name: u.GetName(), Parameters: parametersOf(u, "", "spec", "parametersRef")}
	c.Controller, _, _ = unstructured.NestedString(u.Object, "spec", "controllerName")
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, item := range conditions {
		condition, _ := item.(map[string]any)
		c.Accepted = c.Accepted || condition["type"] == string(gatewayv1.GatewayClassConditionStatusAccepted) && condition["status"] == string(metav1.ConditionTrue)
	}
	return c
}

func parametersOf(u *unstructured.Unstructured, namespace string, path ...string) *Parameters {
	ref, _, _ := unstructured.NestedStringMap(u.Object, path...)
	if ref["name"] == "" {
		return nil
	}
	return &Parameters{Group: ref["group"], Kind: ref["kind"], Namespace: cmp.Or(ref["namespace"], namespace), Name: ref["name"]}
}

// Allows reports whether ListenerSets of a namespace may add listeners to the Gateway. own is the Gateway's namespace, and
// of are the labels of the other namespace.
func (g Gateway) Allows(own, namespace string, of map[string]string) bool {
	switch ptr.Deref(g.allowed.From, gatewayv1.NamespacesFromNone) {
	case gatewayv1.NamespacesFromAll:
		return true
	case gatewayv1.NamespacesFromSame:
		return own == namespace
	case gatewayv1.NamespacesFromSelector:
		selector, err := metav1.LabelSelectorAsSelector(g.allowed.Selector)
		return err == nil && g.allowed.Selector != nil && selector.Matches(labels.Set(of))
	}
	return false
}

// SelectsByLabels reports whether Allows depends on labels.
func (g Gateway) SelectsByLabels() bool {
	return ptr.Deref(g.allowed.From, "") == gatewayv1.NamespacesFromSelector
}

func listenersOf(u *unstructured.Unstructured, mutual map[int32]bool) []Listener {
	items, _, _ := unstructured.NestedSlice(u.Object, "spec", "listeners")
	all := make([]Listener, 0, len(items))
	for i, item := range items {
		fields, ok := item.(map[string]any)
		l := gatewayv1.Listener{}
		if !ok || runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &l) != nil {
			name, _ := fields["name"].(string)
			all = append(all, Listener{Name: cmp.Or(name, fmt.Sprint(i)), Unreadable: true})
			continue
		}
		one := listenerOf(l, u.GetNamespace())
		_, before14, _ := unstructured.NestedFieldNoCopy(fields, "tls", "frontendValidation")
		required, named := mutual[l.Port]
		if !named {
			required = mutual[0]
		}
		one.RequiresClientCert = before14 || required && l.Protocol == gatewayv1.HTTPSProtocolType
		all = append(all, one)
	}
	return all
}

func listenerOf(l gatewayv1.Listener, namespace string) Listener {
	one := Listener{Name: string(l.Name), Hostname: strings.ToLower(string(ptr.Deref(l.Hostname, "")))}
	if l.Protocol != gatewayv1.HTTPSProtocolType && l.Protocol != gatewayv1.TLSProtocolType || l.TLS == nil {
		return one
	}
	one.Passthrough = ptr.Deref(l.TLS.Mode, gatewayv1.TLSModeTerminate) == gatewayv1.TLSModePassthrough
	one.Terminates = !one.Passthrough
	for _, ref := range l.TLS.CertificateRefs {
		one.Refs = append(one.Refs, Ref{
			Group: string(ptr.Deref(ref.Group, "")), Kind: string(ptr.Deref(ref.Kind, "Secret")),
			Secret: types.NamespacedName{Namespace: string(ptr.Deref(ref.Namespace, gatewayv1.Namespace(namespace))), Name: string(ref.Name)},
		})
	}
	return one
}

// clientCertPortsOf reads spec.tls.frontend, which since 1.4 has the client certificate settings.
func clientCertPortsOf(u *unstructured.Unstructured) map[int32]bool {
	ports := map[int32]bool{}
	_, ports[0], _ = unstructured.NestedFieldNoCopy(u.Object, "spec", "tls", "frontend", "default", "validation")
	perPort, _, _ := unstructured.NestedSlice(u.Object, "spec", "tls", "frontend", "perPort")
	for _, item := range perPort {
		fields, _ := item.(map[string]any)
		port, _, _ := unstructured.NestedInt64(fields, "port")
		if port > 0 && port < 1<<16 {
			_, ports[int32(port)], _ = unstructured.NestedFieldNoCopy(fields, "tls", "validation")
		}
	}
	return ports
}

// Secrets returns the Secrets that listeners reference, as NAMESPACE/NAME, without duplicates.
func Secrets(listeners []Listener) []string {
	var keys []string
	seen := map[string]bool{}
	for _, l := range listeners {
		for _, ref := range l.Refs {
			if key := ref.Secret.String(); l.Terminates && ref.OfSecret() && !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// Trim is a cache transform that removes the status of all objects but GatewayClasses, which is not used.
func Trim(object any) (any, error) {
	if u, ok := object.(*unstructured.Unstructured); ok && u.GroupVersionKind().Group == GatewayKind.Group && u.GetKind() != ClassKind.Kind {
		delete(u.Object, "status")
	}
	return object, nil
}
