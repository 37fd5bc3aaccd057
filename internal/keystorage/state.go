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

// State is what Observe found. It shows no key and no token under fmt and in JSON.
type State struct {
	// Outside: the key is not kept in the Secret.
	Outside bool
	// Impossible says why the key cannot be kept where the spec says; nil: it can. Unknown says why that is not known now.
	Impossible *finding.Finding
	Unknown    error
	// Lost says where the key was and is not any more, so that a new one is needed; empty: it is there, or that is not known.
	Lost string
	// Misplaced says that the key is where the spec does not want it; empty: it is not.
	Misplaced string
	// Places are all in Vault that may hold keys of the certificate, the present one last, for status.keyLocations.
	Places []v1alpha1.KeyLocation

	// wanted is where in Vault the spec wants the key, present where that of the Secret's certificate is.
	wanted, present v1alpha1.KeyLocation
	// reader is the Vault as gateways read from it, without its token.
	reader apisix.VaultSecret
	token  vault.Secret
	held   heldKey
}

// Outside reports whether the certificate's key is kept outside of its Secret.
func Outside(cert *v1alpha1.ApisixCertificate) bool {
	storage := cert.Spec.KeyStorage
	return storage == v1alpha1.KeyAtGateway || storage == v1alpha1.KeyInVaultKV && cert.Spec.VaultKV != nil
}

// SecretType is that of the certificate's Secret. One of type kubernetes.io/tls must have a tls.key, and an empty one stops an
// ingress controller of the 2.x line.
func SecretType(cert *v1alpha1.ApisixCertificate) corev1.SecretType {
	if Outside(cert) {
		return corev1.SecretTypeOpaque
	}
	return corev1.SecretTypeTLS
}

// Mark is what the Secret of a new certificate is marked with, see v1alpha1.AnnotationVaultKV; empty: nothing.
func (s State) Mark() string { return placeText(s.wanted) }

// PresentMark is Mark for the certificate that the Secret has.
func (s State) PresentMark() string { return placeText(s.present) }

// Fill gives the target its key where that is held in memory, and its reference where the key is in Vault. One to a place that
// the spec has left stays until there is a new certificate: what the gateway needs for it is not in the spec any more.
func (s State) Fill(t *gateway.Target) {
	if !s.Outside || t.Fingerprint == "" {
		return
	}
	if s.held.fingerprint == t.Fingerprint {
		t.Key = []byte(s.held.pem.Reveal())
	}
	if s.present == nowhere || s.reader.ID == "" {
		return
	}
	reader := s.reader
	reader.Token = s.token.Reveal()
	base := "$secret://vault/" + reader.ID + "/" + s.present.Path + "/" + secretName(t.Fingerprint) + "/"
	t.VaultReference = &gateway.VaultReference{Cert: base + certField, Key: base + keyField, Secret: reader, Old: s.present != s.wanted}
}
