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

// Request is a certificate that is wanted. Nothing in it is changed.
type Request struct {
	Certificate *v1alpha1.ApisixCertificate
	Spec        certs.Spec
	// Issuer is the one that the spec names, nil where it was not found.
	Issuer v1alpha1.Issuer
	// Observation is what the issuer's last check showed.
	Observation issuer.Observation
	// Secret is the certificate's as it is now, nil where there is none or it may not be read.
	Secret *corev1.Secret
}

// digest identifies what is asked for: another one makes an answer obsolete. CertificateRequests that are on their way go by
// it, over an upgrade too.
func (o Request) digest() string {
	spec := o.Spec
	spec.RenewBefore, spec.RenewBeforePercentage, spec.Key.Encoding = nil, nil, ""
	text, _ := json.Marshal([]any{spec, o.Certificate.Spec.IssuerRef.String()}) // plain data always marshals
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// renewAt is when a renewal was asked for, zero for never.
func (o Request) renewAt() time.Time {
	at, _ := time.Parse(time.RFC3339, o.Certificate.Annotations[v1alpha1.AnnotationRenewAt])
	return at
}
