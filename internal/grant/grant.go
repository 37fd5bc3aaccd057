// SPDX-License-Identifier: Apache-2.0

// Package grant reports whether a ReferenceGrant (gateway.networking.k8s.io) allows ApisixTlses, ApisixUpstreams, Gateways or
// ListenerSets in one namespace to refer to a Secret in another.
//
//	ok, err := grants.Allow(ctx, "ApisixTls", "shop", "keys", "shop-tls") // ApisixTlses in shop, Secret keys/shop-tls
//
// The ReferenceGrant CRD belongs to the Gateway API and may be missing. Then nothing is granted.
package grant

import (
	"context"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kind is the kind of ReferenceGrants. The version is the one that the cluster prefers.
var Kind = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "ReferenceGrant"}

// groups are the API groups of the kinds that may refer to a Secret in another namespace.
var groups = map[string]string{"ApisixTls": "apisix.apache.org", "ApisixUpstream": "apisix.apache.org", "Gateway": Kind.Group, "ListenerSet": Kind.Group}

// GroupOf returns the group of a kind that may refer to a Secret in another namespace, or an empty string for other kinds.
func GroupOf(kind string) string { return groups[kind] }

// Grants reads ReferenceGrants. Reader is required.
type Grants struct {
	Reader client.Reader
	kind   atomic.Pointer[schema.GroupVersionKind]
}

// Found records that the cluster has ReferenceGrants in this version.
func (g *Grants) Found(kind schema.GroupVersionKind) { g.kind.Store(&kind) }

// New returns an empty ReferenceGrant, or nil before Found.
func (g *Grants) New() *unstructured.Unstructured {
	kind := g.kind.Load()
	if kind == nil {
		return nil
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(*kind)
	return u
}

// Allow reports whether objects of a kind in the namespace from may refer to the Secret.
func (g *Grants) Allow(ctx context.Context, fromKind, from, secretNamespace, secretName string) (bool, error) {
	kind := g.kind.Load()
	if kind == nil || GroupOf(fromKind) == "" {
		return false, nil
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := g.Reader.List(ctx, list, client.InNamespace(secretNamespace), client.UnsafeDisableDeepCopy); err != nil {
		return false, err
	}
	for i := range list.Items {
		if allows(&list.Items[i], fromKind, from, secretName) {
			return true, nil
		}
	}
	return false, nil
}

// allows evaluates spec.from and spec.to. An item of unknown form grants nothing.
func allows(grant *unstructured.Unstructured, fromKind, from, secretName string) bool {
	return anyItem(grant, "from", func(item map[string]any) bool {
		return item["group"] == GroupOf(fromKind) && item["kind"] == fromKind && item["namespace"] == from
	}) && anyItem(grant, "to", func(item map[string]any) bool {
		name, named := item["name"]
		return item["group"] == "" && item["kind"] == "Secret" && (!named || name == "" || name == secretName)
	})
}

func anyItem(grant *unstructured.Unstructured, field string, fits func(map[string]any) bool) bool {
	list, _, _ := unstructured.NestedSlice(grant.Object, "spec", field)
	for _, item := range list {
		if fields, ok := item.(map[string]any); ok && fits(fields) {
			return true
		}
	}
	return false
}
