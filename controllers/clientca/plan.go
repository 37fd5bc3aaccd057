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

// snapshot is what a plan for a Secret is made of. Nothing in it is changed.
type snapshot struct {
	place types.NamespacedName
	// referrers verify clients with the Secret, the oldest first.
	referrers []*configv2.ApisixTls
	secret    *corev1.Secret // nil: there is none
	// wanted is the issuer whose CAs it should hold; nil: nothing says one.
	wanted *v1alpha1.IssuerReference
	// current are the CAs of the issuer, nil where they are not known, and obstacle says why, where that is a fault.
	current  []*x509.Certificate
	obstacle *finding.Finding
	had      []former
	longest  time.Duration
	// idleSince is since when nothing refers to the Secret. Zero: something does.
	idleSince time.Time
}

// plan is what to do about a Secret, and what to say to the ApisixTlses that refer to it.
type plan struct {
	write       *tlssecret.Content
	writePermit authority.WritePermit

	delete       bool
	deletePermit authority.DeletePermit
	// next is when there is something to do without an event. Zero: there is not.
	next time.Time
	says []word
}

// word is an event for an ApisixTls.
type word struct {
	to                 *configv2.ApisixTls
	kind, reason, text string
}

func (p *plan) warn(to *configv2.ApisixTls, reason, text string) {
	p.says = append(p.says, word{to, corev1.EventTypeWarning, reason, text})
}

// idleGrace is how long a Secret stays that nothing refers to any more: an ingress controller of 1.8 that finds it gone when it
// hears of the deletion of an ApisixTls never drops its ssl object.
const idleGrace = 10 * time.Second

// makePlan decides. It is pure, and the order of the ApisixTlses does not matter.
func makePlan(s snapshot, now time.Time) plan {
	p := plan{}
	right := s.right()
	if len(s.referrers) == 0 {
		p.end(right, s.idleSince, now)
		return p
	}
	p.sayWhoDecides(s)
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
		return p // the issuer will be heard of
	}
	b := makeBundle(now, s.current, s.had, s.longest)
	if len(b.cas) == 0 { // all have expired, which the issuer says
		return p
	}
	p.next = b.next
	content := contentOf(s.kind(), *s.wanted, b)
	if content.Fits(s.secret) {
		return p
	}
	if permit, ok := right.Write(); ok {
		p.write, p.writePermit = &content, permit
		p.says = append(p.says, word{s.chief(), corev1.EventTypeNormal, v1alpha1.ReasonClientCAUpdated,
			fmt.Sprintf("Secret %s holds the CAs of %s: %s", s.place.Name, s.wanted, b.text())})
	}
	return p
}

// end deletes a Secret that nothing refers to, after a grace.
func (p *plan) end(right authority.TrustRight, since, now time.Time) {
	permit, ok := right.Delete()
	switch {
	case !ok:
	case now.Before(since.Add(idleGrace)):
		p.next = since.Add(idleGrace)
	default:
		p.delete, p.deletePermit = true, permit
	}
}

// sayWhoDecides warns those that differ from the one that decides, and those whose annotation has gone.
func (p *plan) sayWhoDecides(s snapshot) {
	for _, tls := range s.referrers {
		w := wishOf(tls)
		switch {
		case s.wanted == nil || w.problem != "":
		case !w.asks && s.right().Ours() && !s.asked():
			p.warn(tls, v1alpha1.ReasonSourceOptedOut, fmt.Sprintf("no annotation %s: Secret %s is kept filled with the CAs of %s; set the annotation again, or remove annotation %s of the Secret to keep it yourself",
				v1alpha1.AnnotationClientCA, s.place.Name, s.wanted, v1alpha1.AnnotationClientCAIssuer))
		case w.asks && w.issuer != *s.wanted:
			p.warn(tls, v1alpha1.ReasonSecretShared, fmt.Sprintf("annotation %s: Secret %s is shared with ApisixTls %s, which is older and decides for %s: set the same on both, or name another Secret in spec.client.caSecret here",
				v1alpha1.AnnotationClientCA, s.place.Name, s.chief().Name, s.wanted))
		}
	}
}

// warnAll warns those that ask for the Secret to be filled.
func (p *plan) warnAll(s snapshot, f *finding.Finding) {
	for _, tls := range s.referrers {
		if w := wishOf(tls); !s.asked() || w.asks && w.problem == "" {
			p.warn(tls, f.Reason, f.Message)
		}
	}
}

// chief is the ApisixTls that decides: the oldest that asks, else the oldest.
func (s *snapshot) chief() *configv2.ApisixTls {
	for _, tls := range s.referrers {
		if wishes(tls) {
			return tls
		}
	}
	return s.referrers[0]
}

// asked reports whether an ApisixTls asks for the Secret to be filled.
func (s *snapshot) asked() bool { return slices.ContainsFunc(s.referrers, wishes) }

// wishes reports whether an ApisixTls names an issuer, rightly, and lives.
func wishes(tls *configv2.ApisixTls) bool {
	w := wishOf(tls)
	return w.asks && w.problem == "" && tls.DeletionTimestamp.IsZero()
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

// kind is the type of the Secret that there is; empty: there is none.
func (s *snapshot) kind() corev1.SecretType {
	if s.secret == nil {
		return ""
	}
	return s.secret.Type
}

// text names the CAs of a bundle.
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

// wantedBy is the issuer whose CAs a Secret should hold: that of the oldest ApisixTls that names one, else, for it was opted out, that
// of a Secret of ours; nil: none.
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
