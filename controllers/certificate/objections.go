// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// Objections are what the role of an issuer that stands so would refuse of the certificate, or grant in part, nil where
// there is nothing or the role is not known. Fields are relative to the spec.
func Objections(cert *v1alpha1.ApisixCertificate, issuer vault.Status) []certs.FieldError {
	return issuer.Objections(specOf(cert))
}
