// SPDX-License-Identifier: Apache-2.0

// Package issuer opens sessions with Vault for VaultIssuers, ClusterVaultIssuers and cert-manager issuers of type
// vault, and updates their status. All certificates of an issuer share one session.
//
// config.go reads the credentials, sessions.go stores the sessions, observation.go the observations for certificates,
// reconcile.go checks issuers periodically, status.go writes their status, and certmanager.go reads cert-manager issuers.
package issuer

import (
	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Key identifies an issuer.
type Key struct{ Kind, Namespace, Name string }

// KeyOf returns the key of an issuer.
func KeyOf(issuer v1alpha1.Issuer) Key {
	kind := v1alpha1.KindVaultIssuer
	if other, ok := issuer.(*CertManagerIssuer); ok {
		kind = other.Kind
	} else if issuer.GetNamespace() == "" {
		kind = v1alpha1.KindClusterVaultIssuer
	}
	return Key{Kind: kind, Namespace: issuer.GetNamespace(), Name: issuer.GetName()}
}

// CredentialsError is a problem with the credentials of an issuer, with its fix. It contains no secret.
type CredentialsError struct {
	Field   string // of the issuer, such as "spec.auth.tokenSecretRef"
	Problem string
	Fix     string
}

// Error returns a stable message.
func (e *CredentialsError) Error() string { return e.Field + ": " + e.Problem + ": " + e.Fix }
