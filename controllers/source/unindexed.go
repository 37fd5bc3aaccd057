// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"slices"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/upstream"
)

// HasKinds records which kinds of sources the cluster has.
func (u *Uses) HasKinds(mapper meta.RESTMapper) error {
	for _, kind := range kinds {
		switch _, err := mapper.RESTMapping(kind.GroupKind(), kind.Version); {
		case meta.IsNoMatchError(err):
		case err != nil:
			return err
		default:
			u.Has(kind.Kind)
		}
	}
	return nil
}

// Unindexed returns a client for Uses without indexes, such as one without a cache. It filters the list of all objects instead.
func Unindexed(inner client.Client) client.Client { return unindexed{inner} }

type unindexed struct{ client.Client }

func (u unindexed) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var others []client.ListOption
	wanted := ""
	for _, option := range options {
		switch o := option.(type) {
		case client.MatchingFields:
			wanted = o[indexSecret]
		default:
			others = append(others, option)
		}
	}
	if err := u.Client.List(ctx, list, others...); err != nil || wanted == "" {
		return err
	}
	switch list := list.(type) {
	case *configv2.ApisixTlsList:
		list.Items = slices.DeleteFunc(list.Items, func(o configv2.ApisixTls) bool { return !slices.Contains(tlsSecrets(&o), wanted) })
	case *networkingv1.IngressList:
		list.Items = slices.DeleteFunc(list.Items, func(o networkingv1.Ingress) bool { return !slices.Contains(ingressSecrets(&o), wanted) })
	case *unstructured.UnstructuredList:
		list.Items = slices.DeleteFunc(list.Items, func(o unstructured.Unstructured) bool {
			if o.GetKind() == upstream.Kind.Kind {
				return !slices.Contains(upstream.Secrets(&o), wanted)
			}
			return !slices.Contains(gatewaySecrets(&o), wanted)
		})
	}
	return nil
}
