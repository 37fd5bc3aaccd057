// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/x509"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// setRecord writes status.issued and what is to be revoked for it. Only a certificate that this run issued, adopted by
// consent, found again in the object's own Secret or delivered for its owner gets into the record: never one that was merely
// seen.
func setRecord(status *v1alpha1.ApisixCertificateStatus, o *observed, p plan, done outcome, now time.Time) {
	leaf := done.decision.Bundle.Leaf
	issuer, mine := o.recordable(p, done)
	if !mine || leaf == nil || o.secret == nil {
		return
	}
	before := status.Issued
	record := authority.RecordOf(leaf, issuer, metav1.NewTime(o.issuedAt(done, now)))
	if before.Fingerprint == record.Fingerprint {
		record.Issuer, record.IssuedAt = before.Issuer, before.IssuedAt
	}
	record.SecretNamespace, record.SecretName, record.SecretUID = o.secret.Namespace, o.secret.Name, o.secret.UID
	if o.cert.Spec.Push {
		record.SecretUID = "" // the Secret is another's, and its record gives no right to it
	}
	if o.cert.Spec.RevocationPolicy == v1alpha1.RevokeOnReplace {
		status.ToRevoke = authority.Replaced(status.ToRevoke, before, record, done.replaced)
	}
	status.Issued = record
}

// recordable reports whether the certificate that the Secret holds now may be recorded, and who issued it.
func (o *observed) recordable(p plan, done outcome) (issuer string, ok bool) {
	switch {
	case done.issued:
		return o.cert.Spec.IssuerRef.String(), true
	case o.cert.Spec.Push:
		return "", p.fault == nil && !done.kept && delivered(done.gateways, len(o.hosts))
	case done.err != nil || done.decision.Issue || !o.right.Ours() || p.held != nil:
		// What the Secret holds is not what the object should have.
		return "", o.right.Ours() && o.recorded(leafOf(o.secret))
	case o.recorded(certs.Fingerprint(done.decision.Bundle.Leaf)):
		return o.cert.Status.Issued.Issuer, true
	}
	if !authority.MayRecord(done.decision.Bundle.Leaf, o.names) {
		return "", false
	}
	return o.foundIssuer(done.decision.Bundle), true
}

// foundIssuer is the issuer of a certificate that was found in the object's own Secret, as after a crash between the write of
// the Secret and that of the status. Only who has its private key can have put it there; anything less is not revocable.
func (o *observed) foundIssuer(b certs.Bundle) string {
	ref := o.cert.Spec.IssuerRef.String()
	marks := tlssecret.MarksOf(o.secret)
	if marks.IssuedBy != ref || b.Key.IsZero() || !b.KeyMatches() || len(o.secret.Data[corev1.TLSPrivateKeyKey]) == 0 {
		return ""
	}
	return ref
}

// issuedAt is when the certificate of the record was issued, as the Secret says.
func (o *observed) issuedAt(done outcome, now time.Time) time.Time {
	if at := tlssecret.MarksOf(o.secret).IssuedAt; !done.issued && !at.IsZero() && !at.After(now) {
		return at
	}
	return now
}

// delivered reports whether a provided pair is at every gateway, or has nowhere to go.
func delivered(gateways []pushed, hosts int) bool {
	if hosts == 0 {
		return false
	}
	for _, g := range gateways {
		if g.err != nil || g.verb == gateway.Refuse || g.verb == gateway.Renew {
			return false
		}
	}
	return true
}

// presentLeaf is the certificate in the Secret before it is replaced, nil for none.
func (o *observed) presentLeaf() *x509.Certificate {
	if o.secret == nil || !o.right.Ours() {
		return nil
	}
	chain, err := certs.ParseCertificates(o.secret.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return nil
	}
	return chain[0]
}

// references are the objects by which ingress controllers were seen to serve the Secret: those that there are, and those
// that there were.
func (o *observed) references() []v1alpha1.ObjectReference {
	var all []v1alpha1.ObjectReference
	add := func(ref v1alpha1.ObjectReference) {
		if !slices.Contains(all, ref) && len(all) < mostReferences {
			all = append(all, ref)
		}
	}
	for _, use := range o.uses {
		add(v1alpha1.ObjectReference{Kind: use.Kind, Namespace: use.Namespace, Name: use.Name})
	}
	for _, ref := range o.cert.Status.References {
		add(ref)
	}
	slices.SortFunc(all, func(a, b v1alpha1.ObjectReference) int {
		return slices.Compare([]string{a.Kind, a.Namespace, a.Name}, []string{b.Kind, b.Namespace, b.Name})
	})
	return all
}

// mostReferences is how many the CRD takes.
const mostReferences = 100
