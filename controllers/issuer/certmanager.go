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

// CertManagerIssuer is a cert-manager Issuer or ClusterIssuer, read as unstructured. If it is of type vault it is used like a VaultIssuer:
// the embedded VaultIssuer has its metadata, spec.vault and conditions.
type CertManagerIssuer struct {
	v1alpha1.VaultIssuer
	Kind string
	// Type is vault, ca, selfSigned, acme or venafi. It is empty if the spec has none, or was not read.
	Type string
}

// NewExternal returns an issuer of a group that is only reached through cert-manager's CertificateRequests. It reads nothing.
func NewExternal(namespace string, ref v1alpha1.IssuerReference) *CertManagerIssuer {
	f := &CertManagerIssuer{Kind: ref.QualifiedKind()}
	f.Namespace, f.Name = namespace, ref.Name
	return f
}

// ForeignKind returns the kind of cert-manager issuers with this name.
func ForeignKind(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: v1alpha1.GroupCertManager, Version: "v1", Kind: kind}
}

// NewCertManagerIssuer returns an empty object of a kind to read into. See CertManagerIssuerOf.
func NewCertManagerIssuer(kind string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(ForeignKind(kind))
	return u
}

// CertManagerIssuerOf converts a cert-manager issuer. It returns a certs.FieldError if spec.vault has an unexpected shape.
func CertManagerIssuerOf(u *unstructured.Unstructured) (*CertManagerIssuer, error) {
	f := &CertManagerIssuer{Kind: u.GetKind()}
	f.Namespace, f.Name, f.UID, f.Generation = u.GetNamespace(), u.GetName(), u.GetUID(), u.GetGeneration()
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	if types := slices.Sorted(maps.Keys(spec)); len(types) > 0 {
		f.Type = types[0]
	}
	if conditions, ok, _ := unstructured.NestedSlice(u.Object, "status", "conditions"); ok {
		// Ignore a condition of an unexpected shape.
		_ = convert(conditions, &f.Status.Conditions)
	}
	if !f.Vault() {
		return f, nil
	}
	if convert(spec["vault"], &f.Spec) != nil {
		return nil, certs.FieldError{Field: "vault", Problem: "has a field of an unexpected type", Fix: "correct it in the " + f.Kind + " of cert-manager"}
	}
	return f, nil
}

// Vault reports whether the controller uses the issuer's Vault directly. Other issuers are used through CertificateRequests.
func (f *CertManagerIssuer) Vault() bool { return f.Type == "vault" }

// ByRequest reports whether an issuer is only used through CertificateRequests. It is false for nil.
func ByRequest(issuer v1alpha1.Issuer) bool {
	other, ok := issuer.(*CertManagerIssuer)
	return ok && !other.Vault()
}

// convert converts through JSON, in which bytes are base64.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
