// SPDX-License-Identifier: Apache-2.0

// Package upstream reads the relevant fields of ApisixUpstreams: the Secrets with APISIX's client certificates for them.
//
//	read := upstream.Read(object)
//	read.Secrets // of spec.tlsSecret and spec.portLevelSettings[].tlsSecret
//
// They are read without a Go type: the versions of the CRD differ, and an unreadable field of one object would make the
// list of all of them fail.
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

// New returns an empty ApisixUpstream.
func New() client.Object {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(Kind)
	return u
}

// NewList returns an empty list of ApisixUpstreams.
func NewList() client.ObjectList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(Kind.GroupVersion().WithKind(Kind.Kind + "List"))
	return list
}

// Upstream has the relevant fields of an ApisixUpstream.
type Upstream struct {
	Class string // spec.ingressClassName
	// Secrets are those with client certificates, without duplicates. The default namespace is that of the object.
	Secrets []types.NamespacedName
}

// Read reads an ApisixUpstream. It skips fields that do not match the known schema.
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

// add adds the Secret of a field tlsSecret, if it is set.
func (u *Upstream) add(fields map[string]any, namespace string) {
	name, _, _ := unstructured.NestedString(fields, "tlsSecret", "name")
	in, _, _ := unstructured.NestedString(fields, "tlsSecret", "namespace")
	key := types.NamespacedName{Namespace: cmp.Or(in, namespace), Name: name}
	if name != "" && !slices.Contains(u.Secrets, key) {
		u.Secrets = append(u.Secrets, key)
	}
}

// Secrets returns the Secrets of an object, as NAMESPACE/NAME.
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

// Trim is a cache transform that removes all fields of an ApisixUpstream that Read does not use.
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
