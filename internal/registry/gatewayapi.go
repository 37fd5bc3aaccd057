// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// EnableGatewayAPI must be called once the CRDs of Gateway and GatewayClass are installed.
func (r *Registry) EnableGatewayAPI() { r.known.gatewayAPI.Store(true) }

// chooseByGateway returns the APISIX gateway of a Gateway of the Gateway API. A deleted one has none, so that what was
// pushed for it is withdrawn.
func (r *Registry) chooseByGateway(ctx context.Context, key types.NamespacedName) (choice, error) {
	fault := choice{name: gatewayText(key)}
	if !r.known.gatewayAPI.Load() {
		return fault, &gateway.SetupError{Object: fault.name, Problem: "the CRD of this kind is not installed (" + gatewayapi.GatewayKind.GroupVersion().String() + ")"}
	}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(gatewayapi.GatewayKind)
	if err := r.Reader.Get(ctx, key, object); apierrors.IsNotFound(err) {
		return choice{}, nil
	} else if err != nil {
		return fault, fmt.Errorf("get %s: %w", fault.name, err)
	}
	gw, class := gatewayapi.GatewayOf(object), gatewayapi.NewClass()
	if err := r.Reader.Get(ctx, client.ObjectKey{Name: gw.Class}, class); apierrors.IsNotFound(err) {
		return fault, &gateway.SetupError{
			Object: fault.name, Field: "spec.gatewayClassName", Problem: "GatewayClass " + gw.Class + " does not exist; create it, or reference another one",
			NoClass: true,
		}
	} else if err != nil {
		return fault, fmt.Errorf("get GatewayClass %s: %w", gw.Class, err)
	}
	return choiceByParameters(fault.name, gw, gatewayapi.ClassOf(class))
}

func gatewayText(key types.NamespacedName) string {
	return gatewayapi.GatewayKind.Kind + " " + key.String()
}

// choiceByParameters returns the gateway in the parameters of a Gateway, called name, or of its class.
func choiceByParameters(name string, gw gatewayapi.Gateway, class gatewayapi.Class) (choice, error) {
	for _, p := range []*gatewayapi.Parameters{gw.Parameters, class.Parameters} {
		switch {
		case p == nil || p.Group != GatewayProxyKind.Group || p.Kind != GatewayProxyKind.Kind:
		case p.Namespace == "":
			return choice{name: name}, &gateway.SetupError{
				Object: "GatewayClass " + class.Name, Field: "spec.parametersRef.namespace", Problem: "must be set to the namespace of GatewayProxy " + p.Name,
			}
		default:
			key := client.ObjectKey{Namespace: p.Namespace, Name: p.Name}
			return choice{name: key.String(), proxy: &key}, nil
		}
	}
	if !strings.HasPrefix(class.Controller, ingresscontroller.ClassPrefix) {
		return choice{}, nil
	}
	return choice{name: FlagsName}, nil
}

// gatewayChoices returns the choices of all Gateways whose class belongs to APISIX, by name.
func (r *Registry) gatewayChoices(ctx context.Context) (map[string]choice, error) {
	if !r.known.gatewayAPI.Load() {
		return nil, nil
	}
	list, ok := gatewayapi.NewGatewayList().(*unstructured.UnstructuredList)
	if !ok {
		return nil, nil
	}
	if err := r.Reader.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list Gateways: %w", err)
	}
	found := map[string]choice{}
	for i := range list.Items {
		gw, class := gatewayapi.GatewayOf(&list.Items[i]), gatewayapi.NewClass()
		if err := r.Reader.Get(ctx, client.ObjectKey{Name: gw.Class}, class); err != nil {
			if client.IgnoreNotFound(err) != nil {
				return nil, fmt.Errorf("get GatewayClass %s: %w", gw.Class, err)
			}
			continue
		}
		of := gatewayapi.ClassOf(class)
		chosen, err := choiceByParameters("", gw, of)
		if err == nil && strings.HasPrefix(of.Controller, ingresscontroller.ClassPrefix) {
			found[chosen.name] = chosen
		}
	}
	return found, nil
}
