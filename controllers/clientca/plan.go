// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// snapshot is the input of a plan for a Secret. It is not modified.
type snapshot struct {
	place types.NamespacedName
	// referrers verify clients with the Secret, oldest first.
	referrers []*configv2.ApisixTls
	secret    *corev1.Secret // nil if there is none
	// wanted is the issuer whose CAs it should contain, or nil.
	wanted *v1alpha1.IssuerReference
	// current are the CAs of the issuer, or nil if they are unknown. obstacle says why if that is a fault.
	current  []*x509.Certificate
	obstacle *finding.Finding
	had      []former
	longest  time.Duration
	// idleSince is since when nothing refers to the Secret, or zero if something does.
	idleSince time.Time
}

// plan is the change of a Secret, and the events for the ApisixTlses that refer to it.
type plan struct {
	write       *tlssecret.Content
	writePermit authority.WritePermit

	delete       bool
	deletePermit authority.DeletePermit
	// next is when to reconcile again, or zero.
	next time.Time
	says []notice
}

// notice is an event on an ApisixTls.
type notice struct {
	to                 *configv2.ApisixTls
	kind, reason, text string
}

func (p *plan) warn(to *configv2.ApisixTls, reason, text string) {
	p.says = append(p.says, notice{to, corev1.EventTypeWarning, reason, text})
}

// idleGrace is how long an unused Secret is kept. If it is already gone when ingress controller 1.8 processes the deletion of the
// ApisixTls, that never deletes its ssl object.
const idleGrace = 10 * time.Second

// makePlan decides what to do. It is pure, and does not depend on the order of the ApisixTlses.
func makePlan(s snapshot, now time.Time) plan {
	p := plan{}
	right := s.right()
	if len(s.referrers) == 0 {
		p.deleteIdle(right, s.idleSince, now)
		return p
	}
	p.warnOthers(s)
	if s.wanted == nil {
		return p
	}
	if refused := right.Refused(); refused != nil {
		p.warnAll(s, refused)
		return p
	}
	if s.obstacle != nil {
		p.warnAll(s, s.obstacle)
		return p
	}
	if len(s.current) == 0 {
		return p // a change of the issuer triggers a reconciliation
	}
	b := makeBundle(now, s.current, s.had, s.longest)
	if len(b.cas) == 0 { // all have expired, which the issuer reports
		return p
	}
	p.next = b.next
	content := contentOf(s.kind(), *s.wanted, b)
	if content.Fits(s.secret) {
		return p
	}
	if permit, ok := right.Write(); ok {
		p.write, p.writePermit = &content, permit
		p.says = append(p.says, notice{s.chief(), corev1.EventTypeNormal, v1alpha1.ReasonClientCAUpdated,
			fmt.Sprintf("Secret %s contains the CAs of %s: %s", s.place.Name, s.wanted, b.text())})
	}
	return p
}

// deleteIdle deletes a Secret that nothing refers to, after a grace period.
func (p *plan) deleteIdle(right authority.TrustRight, since, now time.Time) {
	permit, ok := right.Delete()
	switch {
	case !ok:
	case now.Before(since.Add(idleGrace)):
		p.next = since.Add(idleGrace)
	default:
		p.delete, p.deletePermit = true, permit
	}
}

// warnOthers warns the ApisixTlses that differ from the one that takes precedence, and those whose annotation was removed.
func (p *plan) warnOthers(s snapshot) {
	for _, tls := range s.referrers {
		w := wishOf(tls)
		switch {
		case s.wanted == nil || w.problem != "":
		case !w.present && s.right().Ours() && !s.requested():
			p.warn(tls, v1alpha1.ReasonSourceOptedOut, fmt.Sprintf("no annotation %s: Secret %s is still updated with the CAs of %s; set the annotation again, or remove annotation %s of the Secret to manage it yourself",
				v1alpha1.AnnotationClientCA, s.place.Name, s.wanted, v1alpha1.AnnotationClientCAIssuer))
		case w.present && w.issuer != *s.wanted:
			p.warn(tls, v1alpha1.ReasonSecretShared, fmt.Sprintf("annotation %s: Secret %s is shared with ApisixTls %s, which is older and takes precedence with %s: set the same on both, or name another Secret in spec.client.caSecret here",
				v1alpha1.AnnotationClientCA, s.place.Name, s.chief().Name, s.wanted))
		}
	}
}

// warnAll warns the ApisixTlses that request the CAs.
func (p *plan) warnAll(s snapshot, f *finding.Finding) {
	for _, tls := range s.referrers {
		if w := wishOf(tls); !s.requested() || w.present && w.problem == "" {
			p.warn(tls, f.Reason, f.Message)
		}
	}
}

// chief returns the ApisixTls that takes precedence: the oldest one with a request, else the oldest.
func (s *snapshot) chief() *configv2.ApisixTls {
	for _, tls := range s.referrers {
		if wishes(tls) {
			return tls
		}
	}
	return s.referrers[0]
}

// requested reports whether an ApisixTls requests the CAs.
func (s *snapshot) requested() bool { return slices.ContainsFunc(s.referrers, wishes) }

// wishes reports whether an ApisixTls names a valid issuer and is not being deleted.
func wishes(tls *configv2.ApisixTls) bool {
	w := wishOf(tls)
	return w.present && w.problem == "" && tls.DeletionTimestamp.IsZero()
}

func (s *snapshot) right() authority.TrustRight {
	t := authority.Trust{Key: s.place}
	if len(s.referrers) > 0 {
		t.Referrer = s.referrers[0].Name
	}
	if s.secret != nil {
		t.Found = &authority.FoundTrust{
			UID: s.secret.UID, ResourceVersion: s.secret.ResourceVersion, Issuer: s.secret.Annotations[v1alpha1.AnnotationClientCAIssuer],
			Owner: s.secret.Annotations[v1alpha1.AnnotationCertificate], Others: tlssecret.HasOthers(s.secret),
		}
	}
	return authority.OfTrust(t)
}

// kind returns the type of the existing Secret, or "" if there is none.
func (s *snapshot) kind() corev1.SecretType {
	if s.secret == nil {
		return ""
	}
	return s.secret.Type
}

// text returns the names of the CAs of a bundle.
func (b *bundle) text() string {
	var all []string
	for _, ca := range b.cas {
		text := ca.Subject.CommonName
		if until := b.until[certs.Fingerprint(ca)]; !until.IsZero() {
			text += " (until " + until.Format(time.RFC3339) + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// wantedBy returns the issuer whose CAs a Secret should contain: that of the oldest ApisixTls that names one. If all have opted
// out, it is the issuer of our existing Secret. It returns nil if there is none.
func wantedBy(referrers []*configv2.ApisixTls, secret *corev1.Secret) *v1alpha1.IssuerReference {
	for _, tls := range referrers {
		if wishes(tls) {
			ref := wishOf(tls).issuer
			return &ref
		}
	}
	if len(referrers) == 0 || secret == nil {
		return nil
	}
	ref, ok := parseIssuer(secret.Annotations[v1alpha1.AnnotationClientCAIssuer])
	if !ok {
		return nil
	}
	return &ref
}
