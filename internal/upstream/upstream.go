// SPDX-License-Identifier: Apache-2.0

// Package upstream reads what matters here of ApisixUpstreams: the Secrets by which APISIX is a client of them.
//
//	read := upstream.Of(object)
//	read.Secrets // of spec.tlsSecret and spec.portLevelSettings[].tlsSecret
//
// They are read without a Go type: clusters may have other versions of the CRD, and one field of another shape would otherwise fail
// the list of them all.
package upstream

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kind is the kind of ApisixUpstreams.
var Kind = schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixUpstream"}

// New is an empty ApisixUpstream.
func New() client.Object {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(Kind)
	return u
}

// NewList is an empty list of them.
func NewList() client.ObjectList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(Kind.GroupVersion().WithKind(Kind.Kind + "List"))
	return list
}

// Upstream is what is read of an ApisixUpstream.
type Upstream struct {
	Class string // spec.ingressClassName
	// Secrets hold client certificates, each once. One without a namespace is of the object's own.
	Secrets []types.NamespacedName
}

// Of reads an ApisixUpstream, passing over any field that has another shape than known.
func Read(u *unstructured.Unstructured) Upstream {
	var read Upstream
	read.Class, _, _ = unstructured.NestedString(u.Object, "spec", "ingressClassName")
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	read.add(spec, u.GetNamespace())
	ports, _, _ := unstructured.NestedSlice(u.Object, "spec", "portLevelSettings")
	for _, port := range ports {
		fields, _ := port.(map[string]any)
		read.add(fields, u.GetNamespace())
	}
	return read
}

// add adds the Secret of a field tlsSecret, if there is one.
func (u *Upstream) add(fields map[string]any, namespace string) {
	name, _, _ := unstructured.NestedString(fields, "tlsSecret", "name")
	in, _, _ := unstructured.NestedString(fields, "tlsSecret", "namespace")
	key := types.NamespacedName{Namespace: cmp.Or(in, namespace), Name: name}
	if name != "" && !slices.Contains(u.Secrets, key) {
		u.Secrets = append(u.Secrets, key)
	}
}

// Secrets are those of an object, as NAMESPACE/NAME.
func Secrets(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	var keys []string
	for _, secret := range Read(u).Secrets {
		keys = append(keys, secret.String())
	}
	return keys
}

// Trim is a cache transform that keeps of an ApisixUpstream what Of reads.
func Trim(object any) (any, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != Kind.Kind {
		return object, nil
	}
	read := Read(u)
	ports := make([]any, 0, len(read.Secrets))
	for _, secret := range read.Secrets {
		ports = append(ports, map[string]any{"tlsSecret": map[string]any{"name": secret.Name, "namespace": secret.Namespace}})
	}
	u.Object["spec"] = map[string]any{"ingressClassName": read.Class, "portLevelSettings": ports}
	delete(u.Object, "status")
	u.SetManagedFields(nil)
	return u, nil
}
