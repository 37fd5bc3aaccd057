// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// choice is the gateway that an ingress class selects.
type choice struct {
	name  string            // empty means none, as the class belongs to another controller than APISIX's
	proxy *client.ObjectKey // nil means the gateway of the flags
}

// chooseClass returns the gateway that an ingress class selects.
func chooseClass(classes []networkingv1.IngressClass, name string) (choice, error) {
	class := ClassNamed(classes, name)
	if class != nil && !ofAPISIX(class) {
		if name != "" {
			return choice{}, nil
		}
		class = nil // an object without a class that only APISIX uses, such as an ApisixTls, does not belong to another controller's default class
	}
	return choiceOf(class)
}

// ofAPISIX reports whether the class belongs to an ingress controller of APISIX. The controller of 2.x can have any name;
// its classes then have a GatewayProxy as parameters.
func ofAPISIX(class *networkingv1.IngressClass) bool {
	return strings.HasPrefix(class.Spec.Controller, ingresscontroller.ClassPrefix) || namesProxy(class)
}

func namesProxy(class *networkingv1.IngressClass) bool {
	p := class.Spec.Parameters
	return p != nil && value(p.APIGroup) == GatewayProxyKind.Group && p.Kind == GatewayProxyKind.Kind
}

// ClassNamed returns the IngressClass with this name or, for an empty name, the default one; the newest of several, as in
// the API server. It returns nil if there is none.
func ClassNamed(classes []networkingv1.IngressClass, name string) *networkingv1.IngressClass {
	var found *networkingv1.IngressClass
	for i := range classes {
		class := &classes[i]
		switch {
		case name != "" && class.Name == name:
			return class
		case name == "" && class.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true" && (found == nil || newer(class, found)):
			found = class
		}
	}
	return found
}

func newer(a, b *networkingv1.IngressClass) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return b.CreationTimestamp.Before(&a.CreationTimestamp)
}

// choiceOf returns the gateway in the parameters of an IngressClass, which may be nil.
func choiceOf(class *networkingv1.IngressClass) (choice, error) {
	if class == nil || !namesProxy(class) {
		return choice{name: FlagsName}, nil
	}
	p := class.Spec.Parameters
	if value(p.Namespace) == "" {
		return choice{name: "IngressClass " + class.Name}, &gateway.SetupError{
			Object: "IngressClass " + class.Name, Field: "spec.parameters.namespace", Problem: "must be set to the namespace of GatewayProxy " + p.Name,
		}
	}
	key := client.ObjectKey{Namespace: *p.Namespace, Name: p.Name}
	return choice{name: key.String(), proxy: &key}, nil
}

// onlyProxy reports whether all classes of APISIX together have exactly one GatewayProxy.
func onlyProxy(classes []networkingv1.IngressClass) bool {
	names := map[string]bool{}
	for i := range classes {
		if chosen, err := choiceOf(&classes[i]); err == nil && chosen.proxy != nil {
			names[chosen.name] = true
		}
	}
	return len(names) == 1
}

func listClasses(ctx context.Context, reader client.Reader) ([]networkingv1.IngressClass, error) {
	var list networkingv1.IngressClassList
	err := reader.List(ctx, &list)
	return list.Items, err
}
