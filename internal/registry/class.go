// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// choice is the gateway that an ingress class picks.
type choice struct {
	name  string
	proxy *client.ObjectKey // nil: the gateway of the flags
}

// choose tells which gateway serves an ingress class. The error is a *SetupError where an IngressClass is at fault.
func (r *Registry) choose(ctx context.Context, ingressClass string) (choice, error) {
	classes, err := r.classes(ctx)
	if err != nil {
		return choice{name: FlagsName}, fmt.Errorf("look for ingress class %q: %w", ingressClass, err)
	}
	return choiceOf(classNamed(classes, ingressClass))
}

// classNamed finds an IngressClass; with an empty name the default one, of several the newest as the API server has it.
// Nil: there is none.
func classNamed(classes []networkingv1.IngressClass, name string) *networkingv1.IngressClass {
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

// choiceOf reads the parameters of an IngressClass, which may be nil.
func choiceOf(class *networkingv1.IngressClass) (choice, error) {
	if class == nil {
		return choice{name: FlagsName}, nil
	}
	p := class.Spec.Parameters
	if p == nil || value(p.APIGroup) != GatewayProxyKind.Group || p.Kind != GatewayProxyKind.Kind {
		return choice{name: FlagsName}, nil
	}
	if value(p.Namespace) == "" {
		return choice{name: "IngressClass " + class.Name}, &gateway.SetupError{
			Object: "IngressClass " + class.Name, Field: "spec.parameters.namespace", Problem: "it is empty: name the namespace of GatewayProxy " + p.Name,
		}
	}
	key := client.ObjectKey{Namespace: *p.Namespace, Name: p.Name}
	return choice{name: key.String(), proxy: &key}, nil
}

// controllers tells whether the cluster has an ingress class of an APISIX ingress controller that goes to the gateway
// called name, and whether one of these controllers deletes ssl objects that it does not know.
func (r *Registry) controllers(ctx context.Context, name string) (controlled, exclusive bool, err error) {
	classes, err := r.classes(ctx)
	if err != nil {
		return false, false, fmt.Errorf("look for an ingress controller of APISIX: %w", err)
	}
	for i := range classes {
		chosen, err := choiceOf(&classes[i])
		if err != nil || chosen.name != name || !strings.HasPrefix(classes[i].Spec.Controller, ingresscontroller.ClassPrefix) {
			continue
		}
		controlled = true
		exclusive = exclusive || classes[i].Spec.Controller == ingresscontroller.Class2
	}
	return controlled, exclusive, nil
}
