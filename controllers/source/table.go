// SPDX-License-Identifier: Apache-2.0

package source

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/upstream"
)

// kinds are all kinds of sources.
var kinds = []Kind{
	{
		GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind(kindIngress), ServesSecrets: true, secrets: ingressSecrets,
		newObject: func() client.Object { return &networkingv1.Ingress{} }, newList: func() client.ObjectList { return &networkingv1.IngressList{} },
		wanted: wantedOf(wantedByIngress),
	},
	{
		GroupVersionKind: apisixV2.WithKind(kindTLS), ServesSecrets: true, secrets: tlsSecrets,
		newObject: func() client.Object { return &configv2.ApisixTls{} }, newList: func() client.ObjectList { return &configv2.ApisixTlsList{} },
		wanted: wantedOf(wantedByTLS),
	},
	{
		GroupVersionKind: apisixV2.WithKind(kindRoute), secrets: routeSecrets,
		newObject: func() client.Object { return newRoute() }, newList: newRouteList,
		wanted: wantedOf(func(u *unstructured.Unstructured, d Defaults) wants { return wantedByRoute(routeOf(u), d) }),
	},
	{
		GroupVersionKind: upstream.Kind, ServesSecrets: true, secrets: upstream.Secrets,
		newObject: upstream.New, newList: upstream.NewList, wanted: wantedOf(wantedByUpstream),
	},
	{
		GroupVersionKind: gatewayapi.GatewayKind, ServesSecrets: true, secrets: gatewaySecrets,
		newObject: gatewayapi.NewGateway, newList: gatewayapi.NewGatewayList, wanted: wantedOf(wantedByGateway),
	},
	{
		GroupVersionKind: gatewayapi.ListenerSetKind, ServesSecrets: true, secrets: gatewaySecrets,
		newObject: gatewayapi.NewListenerSet, newList: gatewayapi.NewListenerSetList,
		wanted: func(object client.Object, around surroundings, defaults Defaults) wants {
			return wantedOf(func(u *unstructured.Unstructured, d Defaults) wants { return wantedByListenerSet(u, around, d) })(object, around, defaults)
		},
	},
}

// Kinds returns all kinds of sources. The CRDs of some may not be installed.
func Kinds() []Kind { return kinds }

// ofSource reports whether a reference is to a kind of source.
func ofSource(ref metav1.OwnerReference) bool {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return err == nil && slices.ContainsFunc(Kinds(), func(k Kind) bool { return k.Kind == ref.Kind && k.Group == gv.Group })
}
