// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// State is the result of Observe. It prints no key and no token with fmt or as JSON.
type State struct {
	// Outside means that the key is not stored in the Secret.
	Outside bool
	// Unsupported says why the key cannot be stored as the spec wants; nil means that it can. Unknown says why that is not
	// known now.
	Unsupported *finding.Finding
	Unknown     error
	// Lost says where the key is missing, so that a new one is needed. It is empty if the key is there, or that is not
	// known.
	Lost string
	// Misplaced says that the key is not where the spec wants it. It is empty if it is.
	Misplaced string
	// Locations are all locations in Vault that may have keys of the certificate, the present one last, for
	// status.keyLocations.
	Locations []v1alpha1.KeyLocation

	// wanted is where in Vault the spec wants the key, present where the key of the Secret's certificate is.
	wanted, present v1alpha1.KeyLocation
	// reader is the gateways' configuration for reading from Vault, without its token.
	reader apisix.VaultSecret
	token  vault.Secret
	held   heldKey
}

// Outside reports whether the certificate's key is stored outside its Secret.
func Outside(cert *v1alpha1.ApisixCertificate) bool {
	storage := cert.Spec.KeyStorage
	return storage == v1alpha1.KeyAtGateway || storage == v1alpha1.KeyInVaultKV && cert.Spec.VaultKV != nil
}

// SecretType returns the type of the certificate's Secret. A Secret of type kubernetes.io/tls must have a tls.key, and an
// empty one stops an ingress controller 2.x.
func SecretType(cert *v1alpha1.ApisixCertificate) corev1.SecretType {
	if Outside(cert) {
		return corev1.SecretTypeOpaque
	}
	return corev1.SecretTypeTLS
}

// Mark returns the value of v1alpha1.AnnotationVaultKV for the Secret of a new certificate, or an empty string for none.
func (s State) Mark() string { return locationText(s.wanted) }

// PresentMark returns Mark for the certificate that the Secret has.
func (s State) PresentMark() string { return locationText(s.present) }

// Fill sets the target's key if it is in memory, and its reference if the key is in Vault. A reference to a former location
// stays until there is a new certificate, because the spec no longer has what the gateway needs for it.
func (s State) Fill(t *gateway.Target) {
	if !s.Outside || t.Fingerprint == "" {
		return
	}
	if s.held.fingerprint == t.Fingerprint {
		t.Key = []byte(s.held.pem.Reveal())
	}
	if s.present == noLocation || s.reader.ID == "" {
		return
	}
	reader := s.reader
	reader.Token = s.token.Reveal()
	base := "$secret://vault/" + reader.ID + "/" + s.present.Path + "/" + secretName(t.Fingerprint) + "/"
	t.VaultReference = &gateway.VaultReference{Cert: base + certField, Key: base + keyField, Secret: reader, Old: s.present != s.wanted}
}
