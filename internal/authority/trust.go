// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Trust is the input for deciding on a Secret with client CAs and the ApisixTlses that use it.
type Trust struct {
	Key types.NamespacedName
	// Referrer is an existing ApisixTls in the Secret's namespace that refers to it. Empty means none.
	Referrer string
	// Found is the existing Secret. Nil means that there is none.
	Found *FoundTrust
}

// FoundTrust is an existing Secret.
type FoundTrust struct {
	UID             types.UID
	ResourceVersion string
	// Issuer is the annotation client-ca-issuer. Empty means no annotation.
	Issuer string
	// Owner is the certificate in the annotation certificate-name. Empty means no annotation.
	Owner string
	// Others means that it has data that the controller does not write.
	Others bool
}

// TrustRight is what may be done to a Secret with client CAs.
type TrustRight struct{ trust Trust }

// OfTrust decides what may be done to a Secret with client CAs. It is pure.
func OfTrust(t Trust) TrustRight { return TrustRight{t} }

// Ours reports whether the Secret was created for client CAs: its annotation says so, and no annotation says that it belongs
// to a certificate.
func (r TrustRight) Ours() bool {
	f := r.trust.Found
	return f != nil && f.Issuer != "" && f.Owner == ""
}

// Refused returns why the Secret may not be written for an ApisixTls that refers to it, or nil.
func (r TrustRight) Refused() *finding.Finding {
	if r.trust.Found == nil || r.Ours() {
		return nil
	}
	return finding.New(v1alpha1.ReasonSecretNotManaged, "spec.client.caSecret: Secret %s exists and is not managed as the client CAs of an issuer; use another Secret, delete it, or remove the annotation %s",
		r.trust.Key.Name, v1alpha1.AnnotationClientCA)
}

// Write returns the permit to write the Secret, if an ApisixTls refers to it.
func (r TrustRight) Write() (WritePermit, bool) {
	if r.Refused() != nil || r.trust.Referrer == "" {
		return WritePermit{}, false
	}
	return WritePermit{r.permit()}, true
}

// Delete returns the permit to delete the Secret, if it is managed, has no other data and is not referred to.
func (r TrustRight) Delete() (DeletePermit, bool) {
	if !r.Ours() || r.trust.Referrer != "" || r.trust.Found.Others {
		return DeletePermit{}, false
	}
	return DeletePermit{r.permit()}, true
}

func (r TrustRight) permit() permit {
	p := permit{key: r.trust.Key}
	if f := r.trust.Found; f != nil {
		p.uid, p.version = f.UID, f.ResourceVersion
	}
	return p
}
