// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// FactsOf returns the input for the decision to issue.
func FactsOf(s *Snapshot, rotationSpread time.Duration) certs.Observed {
	cert, observation := s.Cert, s.Issuer.Request.Observation
	facts := certs.Observed{
		Spec: s.Facts.Spec, UID: string(cert.UID),
		WantedIssuer: cert.Spec.IssuerRef.String(), WantedFor: authority.OwnerText(client.ObjectKeyFromObject(cert)),
		IssueOnce:     cert.Spec.RenewalPolicy == v1alpha1.RenewDisabled,
		RenewalWindow: certspec.RenewalWindow(&cert.Spec, string(cert.UID)),
		CurrentCA:     observation.CAs, CurrentCASince: observation.CASince, RotationSpread: rotationSpread,
	}
	if at, err := time.Parse(time.RFC3339, cert.Annotations[v1alpha1.AnnotationRenewAt]); err == nil {
		facts.RenewRequestedAt = at
	}
	secret := s.Secret.Object
	if secret == nil {
		return facts
	}
	facts.SecretExists, facts.KeyExternal = true, keystorage.Outside(cert)
	if !s.Secret.Right.MayRead() { // an unmanaged Secret says nothing about this certificate
		return facts
	}
	marks := tlssecret.MarksOf(secret)
	facts.CertPEM, facts.KeyPEM = secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	facts.CAPEM = secret.Data[corev1.ServiceAccountRootCAKey]
	facts.IssuedBy, facts.IssuedFor = marks.IssuedBy, marks.Owner
	facts.IssuedDigest, facts.IssuedUnder, facts.IssuedAt = marks.SpecDigest, marks.IssuedUnder, marks.IssuedAt
	if leaf := LeafIn(secret); leaf != nil && !observation.Revocations.Empty() {
		facts.Revoked = observation.Revocations.Has(leaf)
		if observation.Status.GeneratesLeases { // an expired token revokes all certificates issued with it
			facts.MassRevokedAt = observation.Revocations.MassRevokedAt(leaf)
		}
	}
	if undated(s) {
		facts.IssuedAt = facts.RenewRequestedAt // an earlier renewal request is satisfied
	}
	return facts
}

// undated reports whether the Secret has the recorded certificate but no longer says when it was issued.
func undated(s *Snapshot) bool {
	secret := s.Secret.Object
	return secret != nil && secret.Annotations[v1alpha1.AnnotationIssuedAt] == "" && s.Recorded(LeafFingerprint(secret))
}

// Judgement is the decision on the facts at one time. It is made once per snapshot, because parsing the pair and verifying
// the chain cost more than the rest of a plan.
type Judgement struct {
	Decision certs.Decision
	Fault    certs.Fault // of a provided Secret
}

// Judge evaluates the facts of a snapshot.
func Judge(s *Snapshot, now time.Time) Judgement {
	if s.Cert.Spec.Provided {
		d, fault := certs.CheckProvided(s.Facts, now)
		return Judgement{d, fault}
	}
	return Judgement{Decision: certs.Decide(s.Facts, now)}
}
