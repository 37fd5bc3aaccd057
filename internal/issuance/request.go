// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// Request is a certificate to be issued. It is not changed.
type Request struct {
	Certificate *v1alpha1.ApisixCertificate
	Spec        certs.Spec
	// Issuer is the one that the spec names. Nil means not found.
	Issuer v1alpha1.Issuer
	// Observation is the result of the issuer's last check.
	Observation issuer.Observation
	// Secret is the certificate's current Secret. Nil means that there is none or that it may not be read.
	Secret *corev1.Secret
}

// digest identifies the request; another digest makes a response obsolete. Pending CertificateRequests have it in an
// annotation, so it must stay the same across upgrades.
func (o Request) digest() string {
	spec := o.Spec
	spec.RenewBefore, spec.RenewBeforePercentage, spec.Key.Encoding = nil, nil, ""
	text, _ := json.Marshal([]any{spec, o.Certificate.Spec.IssuerRef.String()}) // plain data always marshals
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// renewAt returns when a renewal was requested, or zero.
func (o Request) renewAt() time.Time {
	at, _ := time.Parse(time.RFC3339, o.Certificate.Annotations[v1alpha1.AnnotationRenewAt])
	return at
}
