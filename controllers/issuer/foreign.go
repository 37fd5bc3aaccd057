// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// Foreign is an Issuer or ClusterIssuer of cert-manager, read without its types. Of type vault it is used as a
// VaultIssuer is: metadata, spec.vault and conditions are those of the VaultIssuer in it.
type Foreign struct {
	v1alpha1.VaultIssuer
	Kind string
	// Type is what issues: vault, ca, selfSigned, acme, venafi; empty where the spec names nothing, or was not read.
	Type string
}

// NewExternal stands for an issuer of a group of which only cert-manager's CertificateRequests know. Nothing is read.
func NewExternal(namespace string, ref v1alpha1.IssuerReference) *Foreign {
	f := &Foreign{Kind: ref.QualifiedKind()}
	f.Namespace, f.Name = namespace, ref.Name
	return f
}

// ForeignKind is the kind of issuers of cert-manager that is called so.
func ForeignKind(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: v1alpha1.GroupCertManager, Version: "v1", Kind: kind}
}

// NewForeign is an empty object of a kind, to read one into. See ForeignOf.
func NewForeign(kind string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(ForeignKind(kind))
	return u
}

// ForeignOf reads an issuer of cert-manager. A spec.vault of another shape than cert-manager's is a certs.FieldError.
func ForeignOf(u *unstructured.Unstructured) (*Foreign, error) {
	f := &Foreign{Kind: u.GetKind()}
	f.Namespace, f.Name, f.UID, f.Generation = u.GetNamespace(), u.GetName(), u.GetUID(), u.GetGeneration()
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	if types := slices.Sorted(maps.Keys(spec)); len(types) > 0 {
		f.Type = types[0]
	}
	if conditions, ok, _ := unstructured.NestedSlice(u.Object, "status", "conditions"); ok {
		// A condition of another shape says nothing, which is how it is taken.
		_ = convert(conditions, &f.Status.Conditions)
	}
	if !f.Vault() {
		return f, nil
	}
	if convert(spec["vault"], &f.Spec) != nil {
		return nil, certs.FieldError{Field: "vault", Problem: "has a field of another type than cert-manager's", Fix: "correct it in the " + f.Kind + " of cert-manager"}
	}
	return f, nil
}

// Vault tells whether the issuer's Vault is asked directly; others are asked by CertificateRequests.
func (f *Foreign) Vault() bool { return f.Type == "vault" }

// ByRequest reports whether an issuer is one that only cert-manager can ask; false for nil.
func ByRequest(issuer v1alpha1.Issuer) bool {
	foreign, ok := issuer.(*Foreign)
	return ok && !foreign.Vault()
}

// convert goes the way of the wire, on which bytes are base64.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
