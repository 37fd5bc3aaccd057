// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Secret is what counts of a Secret and of the certificate that names it.
type Secret struct {
	// Certificate names the Secret in its spec. Key is the Secret, Type that which the certificate wants.
	Certificate types.NamespacedName
	Key         types.NamespacedName
	Type        string
	// Provided: the certificate only delivers what somebody else keeps there.
	Provided bool
	// RefNotPermitted says why the certificate may not refer to a Secret of another namespace: no ReferenceGrant lets it, or the
	// controller cannot read one. Nil: one does. It does not matter at home.
	RefNotPermitted *finding.Finding
	// Consent is annotation adopt-secret of the certificate. It does not count for a Secret of another namespace.
	Consent bool
	// Record is status.issued.
	Record v1alpha1.IssuedCertificate
	// Rival is another certificate of the same Secret that has it before this one. Empty: there is none.
	Rival string
	// Referrers are live objects that need the Secret, one of them named; empty: none.
	Referrers string

	// Found is what there is; nil: no such Secret.
	Found *FoundSecret
	// Inherited: the certificate in the Secret is older than the object, as after a restore, and nothing was issued for it yet.
	Inherited bool
}

// FoundSecret is a Secret that exists.
type FoundSecret struct {
	UID             types.UID
	ResourceVersion string
	Type            string
	// Owner is the certificate that annotation certificate-name names, NAMESPACE/NAME. Empty: no annotation.
	Owner string
	// Released is what annotation released says: the certificate that left the Secret in place, and what was in it then, as
	// ReleasedText gives them. Empty: no annotation.
	Released string
	// Consent is annotation adopt-secret on the Secret itself.
	Consent bool
	// Leaf is the fingerprint of the certificate in it; empty: none that can be parsed.
	Leaf string
	// Others are keys in it that the controller does not write.
	Others bool
}

// OwnerText is how a Secret names the certificate that it belongs to.
func OwnerText(cert types.NamespacedName) string { return cert.String() }

// ReleasedText is how a Secret says which certificate left it in place with which leaf: one of the same name that comes later
// may have it back, as long as nobody has changed it.
func ReleasedText(cert types.NamespacedName, leaf string) string { return cert.String() + " " + leaf }

// SecretRight is what may be done to a Secret.
type SecretRight struct {
	secret Secret
	ours   bool
	// refused says why the Secret may not be written; nil: it may.
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

// ours reports whether the Secret was made for the certificate: its annotation says so, or somebody removed the annotation
// from the very Secret of the record. In another namespace only the Secret itself can say it.
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

// consented reports whether whoever may write the Secret lets it be taken over.
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

// consentHint says where the annotation counts.
func (s *Secret) consentHint() string {
	if s.sameNamespace() {
		return ""
	}
	return " on the Secret itself"
}

// text names the Secret for people: with its namespace where that is another.
func (s *Secret) text() string {
	if s.sameNamespace() {
		return s.Key.Name
	}
	return s.Key.String()
}

// Ours reports whether the Secret was made for the certificate.
func (r SecretRight) Ours() bool { return r.ours }

// Refused says why the Secret may not be written; nil: it may.
func (r SecretRight) Refused() *finding.Finding { return r.refused }

// MayRead reports whether what the Secret holds counts for the certificate at all: not that of somebody else, nor without a
// grant that of another namespace.
func (r SecretRight) MayRead() bool {
	s := &r.secret
	return s.Found != nil && s.granted() && (r.ours || s.Provided || s.consented())
}

// MayPush reports whether the pair in the Secret may go to a gateway for the certificate's own names.
func (r SecretRight) MayPush() bool { return r.MayRead() && (r.ours || r.secret.Provided) }

// Referrer is a live object that needs the Secret; empty: there is none.
func (r SecretRight) Referrer() string { return r.secret.Referrers }

// Unmanaged reports whether there is a Secret that is somebody else's.
func (r SecretRight) Unmanaged() bool { return r.secret.Found != nil && !r.ours }

// Write gives the permit to write the Secret.
func (r SecretRight) Write() (WritePermit, bool) {
	if r.refused != nil || r.secret.Provided {
		return WritePermit{}, false
	}
	return WritePermit{r.permit()}, true
}

// Replace gives the permit to delete the Secret in order to make it again with another type.
func (r SecretRight) Replace() (DeletePermit, bool) {
	f := r.secret.Found
	if _, ok := r.Write(); !ok || f == nil || !r.ours || f.Others {
		return DeletePermit{}, false
	}
	return DeletePermit{r.permit()}, true
}

// DeletionAction is what becomes of the Secret when its certificate is deleted.
type DeletionAction int

// Endings of a Secret.
const (
	Leave   DeletionAction = iota // it is not ours, or it should stay
	Release                       // it is in use, or was there before the object: the marks go, the Secret stays
	Delete
)

// OnDelete says what becomes of the Secret when the certificate is deleted, and gives the permit for it. retain: the spec
// wants it to stay.
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

// permit is for one Secret as it was seen.
type permit struct {
	key     types.NamespacedName
	uid     types.UID
	version string
}

// Key is the Secret that the permit is for.
func (p permit) Key() types.NamespacedName { return p.key }

// UID is that of the Secret as it was seen; empty: there was none, and one may be created.
func (p permit) UID() types.UID { return p.uid }

// ResourceVersion is that of the Secret as it was seen.
func (p permit) ResourceVersion() string { return p.version }

// WritePermit is the permit to create or update one Secret. Only SecretRight gives it.
type WritePermit struct{ permit }

// DeletePermit is the permit to delete one Secret, or to take the marks off it. Only SecretRight gives it.
type DeletePermit struct{ permit }
