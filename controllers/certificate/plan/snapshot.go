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

// Snapshot is what a run goes by. Nothing in it is changed after it was taken.
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

// SecretState is the certificate's Secret, and what may be done to it.
type SecretState struct {
	Object *corev1.Secret // nil: there is none
	Live   bool           // it was read past the cache
	Right  authority.SecretRight
}

// IssuerState is the certificate's issuer, and how far what was asked of it is.
type IssuerState struct {
	Order   issuance.Order
	Issuing issuance.State
	Bad     *finding.Finding // why the issuer cannot be read
}

// GatewayStates are the gateways of the certificate's ingress class, and those that status names and that are of another.
type GatewayStates struct {
	At   []GatewayState
	Left []*gateway.Gateway
	// Known reports whether there is an ApisixCertificate of that name with this UID.
	Known func(namespace, name, uid string) bool
}

// GatewayState is one gateway, and what it has of the certificate.
type GatewayState struct {
	*gateway.Gateway
	State    gateway.State
	Err      error // why that is not known
	Observed bool  // false: it was not looked at, as there is nothing to push
}

// List are the gateways of the certificate's ingress class.
func (g GatewayStates) List() []*gateway.Gateway {
	var all []*gateway.Gateway
	for _, at := range g.At {
		all = append(all, at.Gateway)
	}
	return all
}

// TargetOf is the pair in the Secret as the gateways should hold it, for the hosts that it names: of a spec that was changed
// and not followed yet, the hosts of the old certificate are still served.
func (s *Snapshot) TargetOf(b certs.Bundle) gateway.Target {
	t := gateway.Target{
		Namespace: s.Cert.Namespace, Name: s.Cert.Name, UID: string(s.Cert.UID),
		SecretNamespace: certspec.SecretNamespace(s.Cert), SecretName: s.Cert.Spec.SecretName, References: s.References.Uses,
		OwnTerms: gateway.OwnTerms{Client: s.References.Client, Unfit: s.References.Unfit, Known: s.Gateways.Known},
		Pair:     gateway.Pair{Fingerprint: certs.Fingerprint(b.Leaf), Serial: certs.Serial(b.Leaf)},
	}
	names := certspec.Names(b)
	t.Hosts = slices.DeleteFunc(slices.Clone(s.Review.Hosts), func(host string) bool { return !names(host) })
	if s.Secret.Right.MayRead() { // of a Secret of somebody else nothing gets near a gateway
		t.Cert, t.Key = s.Secret.Object.Data[corev1.TLSCertKey], s.Secret.Object.Data[corev1.TLSPrivateKeyKey]
	}
	s.Keys.Fill(&t)
	return t
}

// Kept is the certificate as the stores of keys know it.
func (s *Snapshot) Kept() keystorage.Kept {
	k := keystorage.Kept{Certificate: s.Cert, Issuer: s.Issuer.Order.Issuer, Gateways: s.Gateways.List(), Left: s.Gateways.Left}
	if s.Secret.Right.MayRead() {
		k.Secret = s.Secret.Object
	}
	return k
}

// Recorded reports whether a fingerprint is that of the record.
func (s *Snapshot) Recorded(fingerprint string) bool {
	return fingerprint != "" && fingerprint == s.Cert.Status.Issued.Fingerprint
}

// LeafIn is the certificate in a Secret; nil where there is none that can be parsed.
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

// LeafOf is the fingerprint of the certificate in a Secret; empty where there is none that can be parsed.
func LeafOf(secret *corev1.Secret) string { return certs.Fingerprint(LeafIn(secret)) }

// Seen is what this process has seen of a certificate in the runs before. Nothing of it is needed after a restart: it saves
// writes and handshakes, and paces how often the same is tried.
type Seen struct {
	// At is when the last run was; zero: never.
	At time.Time
	// Unserved is the certificate, by fingerprint, that the last handshakes did not show though it was pushed, since when
	// that is so, and rewritten whether it was written once more for it.
	Unserved      string
	UnservedSince time.Time
	Rewritten     bool
	// Held and PushHeld are why the spec was not followed, or a gateway did not take the certificate, and since when.
	Held, PushHeld           string
	HeldSince, PushHeldSince time.Time
	// ForceVerify: verify again what the gateways serve, whatever was seen before.
	ForceVerify bool
}
