// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Secret is the input for deciding on a Secret and the certificate that refers to it.
type Secret struct {
	// Certificate refers to the Secret in its spec. Key is the Secret, Type the type that the certificate needs.
	Certificate types.NamespacedName
	Key         types.NamespacedName
	Type        string
	// Provided means that the certificate only pushes what someone else stores in the Secret.
	Provided bool
	// RefNotPermitted says why the certificate may not refer to a Secret in another namespace: no ReferenceGrant allows it,
	// or the controller cannot read one. Nil means permitted. It is ignored within the namespace.
	RefNotPermitted *finding.Finding
	// Consent is the annotation adopt-secret of the certificate. It is ignored for a Secret in another namespace.
	Consent bool
	// Record is status.issued.
	Record v1alpha1.IssuedCertificate
	// Rival is another certificate that has precedence for the Secret. Empty means none.
	Rival string
	// Referrers is an existing object that needs the Secret. Empty means none.
	Referrers string

	// Found is the existing Secret. Nil means that there is none.
	Found *FoundSecret
	// Inherited means that the certificate in the Secret is older than the object, for example after a restore, and nothing
	// was issued for the object yet.
	Inherited bool
}

// FoundSecret is an existing Secret.
type FoundSecret struct {
	UID             types.UID
	ResourceVersion string
	Type            string
	// Owner is the certificate in the annotation certificate-name, NAMESPACE/NAME. Empty means no annotation.
	Owner string
	// Released is the annotation released: the certificate that released the Secret and its content then, see ReleasedText.
	// Empty means no annotation.
	Released string
	// Consent is the annotation adopt-secret on the Secret itself.
	Consent bool
	// Leaf is the fingerprint of its certificate. Empty means that none can be parsed.
	Leaf string
	// Others means that it has data that the controller does not write.
	Others bool
}

// OwnerText returns the annotation value that names the owner of a Secret.
func OwnerText(cert types.NamespacedName) string { return cert.String() }

// ReleasedText returns the annotation value that says which certificate released the Secret with which leaf. A later
// certificate of the same name may take the Secret over if it was not changed.
func ReleasedText(cert types.NamespacedName, leaf string) string { return cert.String() + " " + leaf }

// SecretRight is what may be done to a Secret.
type SecretRight struct {
	secret Secret
	ours   bool
	// refused says why the Secret may not be written. Nil means that it may.
	refused *finding.Finding
}

// OfSecret decides what may be done to a Secret. It is pure.
func OfSecret(s Secret) SecretRight {
	r := SecretRight{secret: s, ours: s.ours()}
	r.refused = r.refusal()
	return r
}

// sameNamespace reports whether the Secret is in the certificate's namespace.
func (s *Secret) sameNamespace() bool { return s.Key.Namespace == s.Certificate.Namespace }

func (s *Secret) granted() bool { return s.sameNamespace() || s.RefNotPermitted == nil }

// ours reports whether the Secret was created for the certificate: its annotation says so, or the annotation was removed
// from the recorded Secret. In another namespace only the Secret's annotation counts.
func (s *Secret) ours() bool {
	f := s.Found
	switch {
	case f == nil || s.Provided:
		return false
	case f.Owner != "":
		return f.Owner == OwnerText(s.Certificate)
	case f.Released != "":
		return s.sameNamespace() && f.Leaf != "" && f.Released == ReleasedText(s.Certificate, f.Leaf)
	}
	r := s.Record
	return s.sameNamespace() && r.Fingerprint != "" && f.UID == r.SecretUID && f.Leaf == r.Fingerprint && f.Type == s.Type &&
		r.SecretNamespace == s.Key.Namespace && r.SecretName == s.Key.Name
}

// consented reports whether someone who may write the Secret allows overwriting it.
func (s *Secret) consented() bool {
	return s.Found != nil && (s.Found.Consent || s.sameNamespace() && s.Consent)
}

func (r SecretRight) refusal() *finding.Finding {
	s := &r.secret
	switch {
	case !s.granted():
		return s.RefNotPermitted
	case s.Rival != "":
		return &finding.Finding{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf("spec.secretName: Secret %s belongs to ApisixCertificate %s, which already has it or is older; use another Secret",
			s.text(), s.Rival)}
	case s.Provided || s.Found == nil:
		return nil
	case !r.ours && !s.consented():
		return &finding.Finding{Reason: v1alpha1.ReasonSecretNotManaged, Message: "spec.secretName: Secret " + s.text() + " exists and is not managed by this certificate; use another Secret, or allow it to be overwritten with the annotation " +
			v1alpha1.AnnotationAdoptSecret + `: "true"` + s.consentHint()}
	case s.Found.Type != s.Type && (!r.ours || s.Found.Others):
		return &finding.Finding{Reason: v1alpha1.ReasonSecretNotManaged, Message: "spec.secretName: Secret " + s.text() + " has type " + s.Found.Type +
			", which cannot be changed without deleting the Secret and its other data; delete it, or use another Secret"}
	}
	return nil
}

// consentHint says where the annotation must be.
func (s *Secret) consentHint() string {
	if s.sameNamespace() {
		return ""
	}
	return " on the Secret itself"
}

// text names the Secret, with its namespace if that is another.
func (s *Secret) text() string {
	if s.sameNamespace() {
		return s.Key.Name
	}
	return s.Key.String()
}

// Ours reports whether the Secret was created for the certificate.
func (r SecretRight) Ours() bool { return r.ours }

// Refused returns why the Secret may not be written, or nil.
func (r SecretRight) Refused() *finding.Finding { return r.refused }

// MayRead reports whether the content of the Secret counts for the certificate. It does not for an unmanaged Secret, or for
// one in another namespace without a grant.
func (r SecretRight) MayRead() bool {
	s := &r.secret
	return s.Found != nil && s.granted() && (r.ours || s.Provided || s.consented())
}

// MayPush reports whether the pair in the Secret may go to a gateway for the certificate's own names.
func (r SecretRight) MayPush() bool { return r.MayRead() && (r.ours || r.secret.Provided) }

// Referrer returns an existing object that needs the Secret, or an empty string.
func (r SecretRight) Referrer() string { return r.secret.Referrers }

// Unmanaged reports whether there is a Secret that was not created for the certificate.
func (r SecretRight) Unmanaged() bool { return r.secret.Found != nil && !r.ours }

// Write returns the permit to write the Secret.
func (r SecretRight) Write() (WritePermit, bool) {
	if r.refused != nil || r.secret.Provided {
		return WritePermit{}, false
	}
	return WritePermit{r.permit()}, true
}

// Replace returns the permit to delete the Secret in order to create it with another type.
func (r SecretRight) Replace() (DeletePermit, bool) {
	f := r.secret.Found
	if _, ok := r.Write(); !ok || f == nil || !r.ours || f.Others {
		return DeletePermit{}, false
	}
	return DeletePermit{r.permit()}, true
}

// DeletionAction is what happens to the Secret when its certificate is deleted.
type DeletionAction int

// Actions on a Secret.
const (
	Leave   DeletionAction = iota // it is unmanaged, or it should stay
	Release                       // it is in use, or older than the object: only the controller's metadata is removed
	Delete
)

// OnDelete returns what happens to the Secret when the certificate is deleted, and the permit for it. retain means that the
// spec wants the Secret to stay.
func (r SecretRight) OnDelete(retain bool) (DeletionAction, DeletePermit) {
	s := &r.secret
	switch {
	case !r.ours || s.Found == nil || retain || s.Rival != "" || !s.granted():
		return Leave, DeletePermit{}
	case s.Referrers != "", s.Inherited:
		return Release, DeletePermit{r.permit()}
	}
	return Delete, DeletePermit{r.permit()}
}

func (r SecretRight) permit() permit {
	p := permit{key: r.secret.Key}
	if f := r.secret.Found; f != nil {
		p.uid, p.version = f.UID, f.ResourceVersion
	}
	return p
}

// permit is for one Secret as it was read.
type permit struct {
	key     types.NamespacedName
	uid     types.UID
	version string
}

// Key returns the Secret that the permit is for.
func (p permit) Key() types.NamespacedName { return p.key }

// UID returns the UID of the Secret as it was read. Empty means that there was none, and one may be created.
func (p permit) UID() types.UID { return p.uid }

// ResourceVersion returns the version of the Secret as it was read.
func (p permit) ResourceVersion() string { return p.version }

// WritePermit is the permit to create or update one Secret. Only this package creates it.
type WritePermit struct{ permit }

// DeletePermit is the permit to delete or release one Secret. Only this package creates it.
type DeletePermit struct{ permit }
