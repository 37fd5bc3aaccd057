// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Trust is what counts of a Secret with the CAs of clients, and of the ApisixTlses that verify clients with it.
type Trust struct {
	Key types.NamespacedName
	// Referrer is a live ApisixTls of the Secret's namespace that refers to it. Empty: there is none.
	Referrer string
	// Found is what there is; nil: no such Secret.
	Found *FoundTrust
}

// FoundTrust is a Secret that exists.
type FoundTrust struct {
	UID             types.UID
	ResourceVersion string
	// Issuer is what annotation client-ca-issuer says. Empty: no annotation.
	Issuer string
	// Owner is the certificate that annotation certificate-name names. Empty: no annotation.
	Owner string
	// Others are keys in it that the controller does not write.
	Others bool
}

// TrustRight is what may be done to a Secret with the CAs of clients.
type TrustRight struct{ trust Trust }

// OfTrust decides what may be done to a Secret with the CAs of clients. It is pure.
func OfTrust(t Trust) TrustRight { return TrustRight{t} }

// Ours reports whether the Secret was made for CAs: its annotation says so, and none says that it is a certificate's.
func (r TrustRight) Ours() bool {
	f := r.trust.Found
	return f != nil && f.Issuer != "" && f.Owner == ""
}

// Refused says why the Secret may not be written for an ApisixTls that refers to it; nil: it may.
func (r TrustRight) Refused() *finding.Finding {
	if r.trust.Found == nil || r.Ours() {
		return nil
	}
	return finding.New(v1alpha1.ReasonSecretNotManaged, "spec.client.caSecret: Secret %s exists and is not managed as the client CAs of an issuer; use another Secret, delete it, or remove the annotation %s",
		r.trust.Key.Name, v1alpha1.AnnotationClientCA)
}

// Write gives the permit to write the Secret: while an ApisixTls refers to it, which alone makes it wanted.
func (r TrustRight) Write() (WritePermit, bool) {
	if r.Refused() != nil || r.trust.Referrer == "" {
		return WritePermit{}, false
	}
	return WritePermit{r.permit()}, true
}

// Delete gives the permit to delete the Secret: one of ours that holds nothing else and that nothing refers to.
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
