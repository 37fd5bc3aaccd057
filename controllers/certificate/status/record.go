// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// SetRecord sets status.issued and the replaced certificates to revoke. Only a certificate that this run issued, that was
// adopted with consent, found in the object's own Secret or pushed from a provided Secret is recorded, never one that was
// only observed.
func SetRecord(status *v1alpha1.ApisixCertificateStatus, s *plan.Snapshot, p *plan.Plan, done *plan.Results, now time.Time) {
	leaf, secret := p.Decision.Bundle.Leaf, s.Secret.Object
	if done.Issued { // p may be older than the Secret
		leaf = plan.LeafIn(secret)
	}
	issuer, mine := recordable(s, p, done)
	if !mine || leaf == nil || secret == nil {
		return
	}
	at := now
	if marked := tlssecret.MarksOf(secret).IssuedAt; !done.Issued && !marked.IsZero() && !marked.After(now) {
		at = marked
	}
	before := status.Issued
	record := authority.RecordOf(leaf, issuer, metav1.NewTime(at))
	if before.Fingerprint == record.Fingerprint {
		record.Issuer, record.IssuedAt = before.Issuer, before.IssuedAt
	}
	record.SecretNamespace, record.SecretName, record.SecretUID = secret.Namespace, secret.Name, secret.UID
	if s.Cert.Spec.Provided {
		record.SecretUID = "" // the Secret belongs to someone else, and recording it gives no rights to it
	}
	if s.Cert.Spec.RevocationPolicy == v1alpha1.RevokeOnReplace {
		status.ToRevoke = authority.Replaced(status.ToRevoke, before, record, done.Replaced)
	}
	status.Issued = record
}

// recordable reports whether the certificate in the Secret may be recorded, and who issued it.
func recordable(s *plan.Snapshot, p *plan.Plan, done *plan.Results) (issuer string, ok bool) {
	right := s.Secret.Right
	switch {
	case done.Issued:
		return s.Cert.Spec.IssuerRef.String(), true
	case s.Cert.Spec.Provided:
		return "", p.Provided.Fault == nil && !p.Provided.Retained && len(s.Review.Hosts) > 0 && allDelivered(done.Gateways)
	case done.Err != nil || p.Decision.Issue || !right.Ours() || p.Blocked != nil:
		// The Secret does not have the certificate that the object should have.
		return "", right.Ours() && s.Recorded(plan.LeafFingerprint(s.Secret.Object))
	case s.Recorded(certs.Fingerprint(p.Decision.Bundle.Leaf)):
		return s.Cert.Status.Issued.Issuer, true
	case !authority.MayRecord(p.Decision.Bundle.Leaf, s.Review.Names):
		return "", false
	}
	return foundIssuer(s, p.Decision.Bundle), true
}

// foundIssuer returns the issuer of a certificate that was found in the object's own Secret, for example after a crash
// between writing the Secret and writing the status. Only who has its private key can have stored it there. In any other
// case the issuer is empty and the certificate cannot be revoked.
func foundIssuer(s *plan.Snapshot, b certs.Bundle) string {
	ref := s.Cert.Spec.IssuerRef.String()
	if tlssecret.MarksOf(s.Secret.Object).IssuedBy != ref || b.Key.IsZero() || !b.KeyMatches() || len(s.Secret.Object.Data[corev1.TLSPrivateKeyKey]) == 0 {
		return ""
	}
	return ref
}

// allDelivered reports whether a provided pair is at every gateway, or there is no gateway.
func allDelivered(gateways []gateway.Result) bool {
	return !slices.ContainsFunc(gateways, func(g gateway.Result) bool {
		return g.Err != nil || g.Verb == gateway.ActionRefuse || g.Verb == gateway.ActionRenew
	})
}
