// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"crypto/x509"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// contentOf returns the content of a Secret with a bundle. kind is the immutable type of the existing Secret, or "" if there is
// none.
func contentOf(kind corev1.SecretType, issuer v1alpha1.IssuerReference, b bundle) tlssecret.Content {
	if kind == "" {
		kind = corev1.SecretTypeOpaque
	}
	noted := map[string]string{}
	for fingerprint, until := range b.until {
		noted[fingerprint] = ""
		if !until.IsZero() {
			noted[fingerprint] = until.UTC().Format(time.RFC3339)
		}
	}
	text, _ := json.Marshal(noted) // never fails; keys are sorted
	return tlssecret.Content{
		Type: kind,
		Data: map[string][]byte{corev1.ServiceAccountRootCAKey: certs.EncodeCertificates(b.cas...)},
		Annotations: map[string]string{
			v1alpha1.AnnotationClientCAIssuer: issuer.String(),
			v1alpha1.AnnotationClientCAs:      string(text),
		},
	}
}

// heldBy returns the CAs that an earlier write has put into a Secret, which may be nil. It ignores CAs without a record, as
// another client added them. CAs that another client has removed are included from seen.
func heldBy(secret *corev1.Secret, seen []former) []former {
	if secret == nil {
		return nil
	}
	var noted map[string]string
	if json.Unmarshal([]byte(secret.Annotations[v1alpha1.AnnotationClientCAs]), &noted) != nil {
		return nil
	}
	cas, _ := certs.ParseCertificates(secret.Data[corev1.ServiceAccountRootCAKey]) // an invalid value is overwritten
	for _, f := range seen {
		cas = append(cas, f.cert)
	}
	var had []former
	for _, ca := range cas {
		text, ours := noted[certs.Fingerprint(ca)]
		if !ours || has(had, ca) {
			continue
		}
		until, _ := time.Parse(time.RFC3339, text) // empty for a current CA
		had = append(had, former{cert: ca, until: until})
	}
	return had
}

func has(had []former, ca *x509.Certificate) bool {
	for _, f := range had {
		if f.cert.Equal(ca) {
			return true
		}
	}
	return false
}
