// SPDX-License-Identifier: Apache-2.0

// Package issuer turns VaultIssuers and ClusterVaultIssuers, and issuers of cert-manager of type vault, into sessions with
// Vault, one an issuer and shared by all its certificates, and keeps their status true.
//
// config.go reads the credentials, sessions.go keeps the sessions, observation.go what certificates go by, reconcile.go looks
// at issuers again and again, status.go reports how they stand, foreign.go reads cert-manager's.
package issuer

import (
	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Key identifies an issuer.
type Key struct{ Kind, Namespace, Name string }

// KeyOf is the key of an issuer.
func KeyOf(issuer v1alpha1.Issuer) Key {
	kind := v1alpha1.KindVaultIssuer
	if foreign, ok := issuer.(*Foreign); ok {
		kind = foreign.Kind
	} else if issuer.GetNamespace() == "" {
		kind = v1alpha1.KindClusterVaultIssuer
	}
	return Key{Kind: kind, Namespace: issuer.GetNamespace(), Name: issuer.GetName()}
}

// CredentialsError says which credentials of an issuer cannot be had, and how to mend that. It holds no secret.
type CredentialsError struct {
	Field   string // of the issuer, such as "spec.auth.tokenSecretRef"
	Problem string
	Mend    string
}

// Error is stable.
func (e *CredentialsError) Error() string { return e.Field + ": " + e.Problem + ": " + e.Mend }
