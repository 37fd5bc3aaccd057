// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"sync/atomic"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/registry"
	"apisix-certs.io/apisix-certs/internal/upstream"
)

// indexClientCA indexes ApisixTlses by the Secrets with their client CAs.
const indexClientCA = "clientCA"

// Uses finds the objects by which an ingress controller serves a Secret, whether they are opted in or not.
type Uses struct {
	Client client.Reader
	// TLS, Gateways, ListenerSets and Upstreams are set if the cluster has the kind.
	TLS, Gateways, ListenerSets, Upstreams atomic.Bool
}

// Has records that the cluster has a kind of source.
func (u *Uses) Has(kind string) {
	switch kind {
	case kindTLS:
		u.TLS.Store(true)
	case kindGateway:
		u.Gateways.Store(true)
	case kindListenerSet:
		u.ListenerSets.Store(true)
	case kindUpstream:
		u.Upstreams.Store(true)
	}
}

// Of returns the uses of one Secret.
func (u *Uses) Of(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error) {
	key := client.MatchingFields{indexSecret: namespace + "/" + secretName}
	var uses []gateway.Reference
	if u.TLS.Load() {
		var list configv2.ApisixTlsList
		if err := u.Client.List(ctx, &list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			return nil, err
		}
		for i := range list.Items {
			tls := &list.Items[i]
			controller, err := u.controller(ctx, tls.Spec.IngressClassName)
			if err != nil {
				return nil, err
			}
			uses = append(uses, gateway.Reference{
				Kind: kindTLS, Namespace: tls.Namespace, Name: tls.Name, Hosts: normalize(tlsHosts(tls)),
				RequiresClientCert: tls.Spec.Client != nil, Client: clientOf(tls), Terminating: !tls.DeletionTimestamp.IsZero(),
				Class: tls.Spec.IngressClassName, Controller: controller,
			})
		}
	}
	var list networkingv1.IngressList
	if err := u.Client.List(ctx, &list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil, err
	}
	for i := range list.Items {
		ingress := &list.Items[i]
		controller, err := u.controller(ctx, classOf(ingress))
		if err != nil {
			return nil, err
		}
		for index, entry := range ingress.Spec.TLS {
			if entry.SecretName != secretName {
				continue
			}
			uses = append(uses, gateway.Reference{
				Kind: kindIngress, Namespace: ingress.Namespace, Name: ingress.Name, Hosts: normalize(entryHosts(ingress, entry)),
				Index: index, HostsFromRules: len(entry.Hosts) == 0, Terminating: !ingress.DeletionTimestamp.IsZero(),
				Class: classOf(ingress), Controller: controller,
			})
		}
	}
	byListeners, err := u.ofListeners(ctx, namespace, secretName)
	return append(uses, byListeners...), err
}

// ofListeners returns the uses by Gateways and ListenerSets.
func (u *Uses) ofListeners(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error) {
	var uses []gateway.Reference
	key := client.MatchingFields{indexSecret: namespace + "/" + secretName}
	add := func(object client.Object, kind, class, controller string, listeners []gatewayapi.Listener) {
		for _, l := range listeners {
			for index, ref := range l.Refs {
				if !l.Terminates || !ref.OfSecret() || ref.Secret != (types.NamespacedName{Namespace: namespace, Name: secretName}) {
					continue
				}
				uses = append(uses, gateway.Reference{
					Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(), Hosts: normalize([]string{l.Hostname}), HostsFromCertificate: l.Hostname == "",
					Listener: l.Name, Index: index, RequiresClientCert: l.RequiresClientCert, Terminating: !object.GetDeletionTimestamp().IsZero(), Class: class, Controller: controller,
				})
			}
		}
	}
	if u.Gateways.Load() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gatewayapi.NewGatewayList().GetObjectKind().GroupVersionKind())
		if err := u.Client.List(ctx, list, key, client.UnsafeDisableDeepCopy); err != nil {
			return nil, err
		}
		for i := range list.Items {
			gw := gatewayapi.GatewayOf(&list.Items[i])
			class := gatewayapi.NewClass()
			if err := u.Client.Get(ctx, client.ObjectKey{Name: gw.Class}, class); client.IgnoreNotFound(err) != nil {
				return nil, err
			}
			add(&list.Items[i], kindGateway, gw.Class, gatewayapi.ClassOf(class).Controller, gw.Listeners)
		}
	}
	if u.ListenerSets.Load() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gatewayapi.NewListenerSetList().GetObjectKind().GroupVersionKind())
		if err := u.Client.List(ctx, list, key, client.UnsafeDisableDeepCopy); err != nil {
			return nil, err
		}
		for i := range list.Items {
			parent, err := gatewayapi.ReadGateway(ctx, u.Client, gatewayapi.ListenerSetOf(&list.Items[i], nil).Parent)
			set := gatewayapi.ListenerSetOf(&list.Items[i], parent)
			for j := range set.Listeners { // a listener that cannot be parsed may require client certificates
				set.Listeners[j].RequiresClientCert = set.Listeners[j].RequiresClientCert || err != nil
			}
			add(&list.Items[i], kindListenerSet, "", "", set.Listeners)
		}
	}
	return uses, nil
}

// ClientsOf returns the ApisixUpstreams whose client certificate is in a Secret, whether they are opted in or not. No gateway
// serves it for them.
func (u *Uses) ClientsOf(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error) {
	if !u.Upstreams.Load() {
		return nil, nil
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(upstream.NewList().GetObjectKind().GroupVersionKind())
	key := client.MatchingFields{indexSecret: namespace + "/" + secretName}
	if err := u.Client.List(ctx, list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil, err
	}
	var uses []gateway.Reference
	for i := range list.Items {
		u := &list.Items[i]
		uses = append(uses, gateway.Reference{Kind: kindUpstream, Namespace: u.GetNamespace(), Name: u.GetName(), Terminating: !u.GetDeletionTimestamp().IsZero()})
	}
	return uses, nil
}

// controller returns the controller of an IngressClass, or of the default one for an empty name. It is empty if there is no such
// class.
func (u *Uses) controller(ctx context.Context, class string) (string, error) {
	var list networkingv1.IngressClassList
	if err := u.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return "", err
	}
	if found := registry.ClassNamed(list.Items, class); found != nil {
		return found.Spec.Controller, nil
	}
	return "", nil
}

// OfClientCA returns the Secrets, as NAMESPACE/NAME, of ApisixTlses whose client CA is in this Secret.
func (u *Uses) OfClientCA(ctx context.Context, ca client.Object) []string {
	if !u.TLS.Load() {
		return nil
	}
	var list configv2.ApisixTlsList
	key := client.MatchingFields{indexClientCA: ca.GetNamespace() + "/" + ca.GetName()}
	if err := u.Client.List(ctx, &list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil
	}
	var keys []string
	for i := range list.Items {
		keys = append(keys, tlsSecrets(&list.Items[i])...)
	}
	return keys
}

func clientCAs(object client.Object) []string {
	tls, ok := object.(*configv2.ApisixTls)
	if !ok || tls.Spec == nil || tls.Spec.Client == nil {
		return nil
	}
	return []string{tls.Spec.Client.CASecret.Namespace + "/" + tls.Spec.Client.CASecret.Name}
}

// clientOf returns the client verification of an ApisixTls.
func clientOf(tls *configv2.ApisixTls) *gateway.Client {
	c := tls.Spec.Client
	if c == nil {
		return nil
	}
	return &gateway.Client{
		CANamespace: c.CASecret.Namespace, CAName: c.CASecret.Name, Depth: c.Depth, SkipMTLSURIRegex: c.SkipMTLSUriRegex,
	}
}

func tlsSecrets(object client.Object) []string {
	tls, ok := object.(*configv2.ApisixTls)
	if !ok || tls.Spec == nil {
		return nil
	}
	return []string{secretOfTLS(tls).String()}
}

func ingressSecrets(object client.Object) []string {
	ingress, ok := object.(*networkingv1.Ingress)
	if !ok {
		return nil
	}
	var keys []string
	for _, entry := range ingress.Spec.TLS {
		if entry.SecretName != "" {
			keys = append(keys, ingress.Namespace+"/"+entry.SecretName)
		}
	}
	return keys
}
