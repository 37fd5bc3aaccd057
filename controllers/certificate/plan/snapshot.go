// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/x509"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/references"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Snapshot is the input of a plan. It is not changed after it was taken.
type Snapshot struct {
	Cert       *v1alpha1.ApisixCertificate
	Facts      certs.Observed // what the decision to issue goes by; its Spec is that of Cert
	Judgement  Judgement
	Secret     SecretState
	Issuer     IssuerState
	Review     admission.Review
	References references.References
	Keys       keystorage.State
	Forms      tlssecret.Forms
	Gateways   GatewayStates
	Seen       Seen
}

// SecretState is the certificate's Secret and what may be done to it.
type SecretState struct {
	Object *corev1.Secret // nil: there is none
	Live   bool           // it was read from the API server, not the cache
	Right  authority.SecretRight
}

// IssuerState is the certificate's issuer and the progress of its request.
type IssuerState struct {
	Request issuance.Request
	Issuing issuance.State
	Bad     *finding.Finding // why the issuer cannot be read
}

// GatewayStates are the gateways of the certificate's class, and former gateways that the status still lists.
type GatewayStates struct {
	At     []GatewayState
	Former []*gateway.Gateway
	// Known reports whether there is an ApisixCertificate of that name with this UID.
	Known func(namespace, name, uid string) bool
}

// GatewayState is one gateway and what it has of the certificate.
type GatewayState struct {
	*gateway.Gateway
	State    gateway.State
	Err      error // why State is not known
	Observed bool  // false: not observed, because there is nothing to push
}

// List returns the gateways of the certificate's class.
func (g GatewayStates) List() []*gateway.Gateway {
	var all []*gateway.Gateway
	for _, at := range g.At {
		all = append(all, at.Gateway)
	}
	return all
}

// TargetOf returns the pair in the Secret as the gateways should have it, for the hosts that it covers. While a changed spec
// is not followed yet, the hosts of the old certificate are still served.
func (s *Snapshot) TargetOf(b certs.Bundle) gateway.Target {
	t := gateway.Target{
		Namespace: s.Cert.Namespace, Name: s.Cert.Name, UID: string(s.Cert.UID),
		SecretNamespace: certspec.SecretNamespace(s.Cert), SecretName: s.Cert.Spec.SecretName, References: s.References.Uses,
		OwnTerms: gateway.OwnTerms{Client: s.References.Client, Unfit: s.References.Unfit, Known: s.Gateways.Known},
		Pair:     gateway.Pair{Fingerprint: certs.Fingerprint(b.Leaf), Serial: certs.Serial(b.Leaf)},
	}
	names := certspec.Names(b)
	t.Hosts = slices.DeleteFunc(slices.Clone(s.Review.Hosts), func(host string) bool { return !names(host) })
	if s.Secret.Right.MayRead() { // nothing of an unmanaged Secret reaches a gateway
		t.Cert, t.Key = s.Secret.Object.Data[corev1.TLSCertKey], s.Secret.Object.Data[corev1.TLSPrivateKeyKey]
	}
	s.Keys.Fill(&t)
	return t
}

// KeyInput returns the certificate as package keystorage takes it.
func (s *Snapshot) KeyInput() keystorage.Input {
	k := keystorage.Input{Certificate: s.Cert, Issuer: s.Issuer.Request.Issuer, Gateways: s.Gateways.List(), FormerGateways: s.Gateways.Former}
	if s.Secret.Right.MayRead() {
		k.Secret = s.Secret.Object
	}
	return k
}

// Recorded reports whether a fingerprint is that of the record.
func (s *Snapshot) Recorded(fingerprint string) bool {
	return fingerprint != "" && fingerprint == s.Cert.Status.Issued.Fingerprint
}

// LeafIn returns the certificate in a Secret, or nil if there is none that can be parsed.
func LeafIn(secret *corev1.Secret) *x509.Certificate {
	if secret == nil {
		return nil
	}
	chain, err := certs.ParseCertificates(secret.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return nil
	}
	return chain[0]
}

// LeafFingerprint returns the fingerprint of the certificate in a Secret, or an empty string if there is none that can be
// parsed.
func LeafFingerprint(secret *corev1.Secret) string { return certs.Fingerprint(LeafIn(secret)) }

// Seen is what this process saw of a certificate in earlier runs. It is not needed after a restart: it saves writes and
// handshakes, and paces retries.
type Seen struct {
	// At is when the last run was. Zero means never.
	At time.Time
	// Unserved is the fingerprint of the pushed certificate that the last handshakes did not return, UnservedSince since
	// when. Rewritten means that it was written once more because of that.
	Unserved      string
	UnservedSince time.Time
	Rewritten     bool
	// Blocked and PushBlocked are why the spec was not followed, or a gateway did not accept the certificate, and since
	// when.
	Blocked, PushBlocked           string
	BlockedSince, PushBlockedSince time.Time
	// ForceVerify means that the next run verifies again what is served.
	ForceVerify bool
}
