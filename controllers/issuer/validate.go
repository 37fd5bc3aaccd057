// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// Problems returns the problems of a spec that vault.Config.Validate does not find, with the messages of the CRD rules. It is for
// cert-manager issuers, and for issuers that are older than a rule. It returns nil if there are none.
func Problems(spec *v1alpha1.VaultIssuerSpec) []certs.FieldError {
	var found []certs.FieldError
	add := func(bad bool, field, problem, fix string) {
		if bad {
			found = append(found, certs.FieldError{Field: field, Problem: problem, Fix: fix})
		}
	}
	add(len(spec.CABundle) > 0 && spec.CABundleSecretRef != nil, "caBundle", "and caBundleSecretRef are mutually exclusive", "set only one")
	add((spec.ClientCertSecretRef == nil) != (spec.ClientKeySecretRef == nil), "clientCertSecretRef", "and clientKeySecretRef are only valid together", "set both or neither")
	return append(found, authProblems(&spec.Auth)...)
}

const ways = "tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"

func authProblems(auth *v1alpha1.VaultAuth) []certs.FieldError {
	n := 0
	for _, set := range []bool{auth.TokenSecretRef != nil, auth.AppRole != nil, auth.Kubernetes != nil, auth.ClientCertificate != nil, auth.JWT != nil} {
		if set {
			n++
		}
	}
	switch {
	case n == 0:
		return []certs.FieldError{{Field: "auth", Problem: "has no auth method", Fix: "set one of " + ways}}
	case n > 1:
		return []certs.FieldError{{Field: "auth", Problem: "has more than one auth method", Fix: "set only one of " + ways}}
	}
	var found []certs.FieldError
	token := func(field string, secret *v1alpha1.SecretKeySelector, account *v1alpha1.ServiceAccountReference) {
		if (secret == nil) == (account == nil) {
			found = append(found, certs.FieldError{Field: field, Problem: "needs exactly one source of the token", Fix: "set secretRef or serviceAccountRef"})
		}
	}
	if auth.Kubernetes != nil {
		token("auth.kubernetes", auth.Kubernetes.SecretRef, auth.Kubernetes.ServiceAccountRef)
	}
	if auth.JWT != nil {
		token("auth.jwt", auth.JWT.SecretRef, auth.JWT.ServiceAccountRef)
	}
	return found
}
