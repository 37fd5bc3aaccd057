// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
)

// plan is what a run does about the certificate itself. What is done at a gateway is planned there (gateway.Plan), on
// the pair that the Secret holds after this plan was applied.
type plan struct {
	// decision says whether a new certificate is due and why, and what there is.
	decision certs.Decision
	// issue: get a new certificate and write the Secret.
	issue bool
	// relabel: write the Secret with the certificate it has, for its labels and annotations differ.
	relabel bool
	// held says why nothing is issued though it is due, or why the spec is not followed. Nil: nothing holds it.
	held *finding
	// waiting: the last failure is too fresh to try again; its condition stays.
	waiting bool
	// keyOutside: the key is not kept in Kubernetes.
	keyOutside bool
	// fault, unusable and kept are of a Secret that somebody else keeps: what is wrong with it, whether it must not be
	// pushed, and whether what was pushed before stays though the Secret holds something else.
	fault          *finding
	unusable, kept bool
	// pending says what a certificate that is on its way through cert-manager waits for; request how far it is where the
	// plan is to issue, and requestSays why it failed.
	pending     *finding
	request     requestState
	requestSays finding
	// drop: delete what is on its way, it is not needed any more.
	drop bool
	// next is the next deadline that the certificate has by itself; zero: none.
	next time.Time
}

// finding is a reason and a message for a condition.
type finding struct{ reason, message string }

// decide makes the plan. It is pure.
func decide(o observed, now time.Time) plan {
	if o.cert.Spec.Push {
		return decideProvided(o, now)
	}
	p := plan{decision: certs.Decide(o.facts(), now), keyOutside: o.keyOutside()}
	if reason, message := o.keyReason(); reason != "" && !p.decision.Issue {
		p.decision.Issue, p.decision.Reason, p.decision.Message = true, reason, message
	}
	if !p.decision.Issue && o.olderThanRecord(p.decision) {
		p.decision.Issue, p.decision.Reason, p.decision.Message = true, secretReverted, "an older certificate was put back into the Secret"
	}
	p.next = p.decision.Recheck
	p.drop = o.requested.key != nil && (!p.decision.Issue || o.issuer != nil && !o.byRequest())
	if p.held = o.obstacle(p.decision.Issue); p.held != nil {
		return p
	}
	if !p.decision.Issue {
		p.relabel = !o.secretFits(now)
		return p
	}
	if why, at := o.limited(p.decision, now); why != nil {
		p.held, p.next = why, earliest(p.next, at)
		return p
	}
	if o.byRequest() {
		return o.planRequest(p, now)
	}
	if why, at := o.foreseen(p.decision, now); why != nil {
		p.held, p.next = why, earliest(p.next, at)
		return p
	}
	if retry := o.retryAt(p.decision, now); now.Before(retry) {
		p.waiting, p.next = true, earliest(p.next, retry)
		return p
	}
	p.issue = true
	return p
}

// facts are what certs.Decide looks at.
func (o *observed) facts() certs.Observed {
	facts := certs.Observed{
		Spec: o.spec, UID: string(o.cert.UID),
		WantedIssuer: o.cert.Spec.IssuerRef.String(), WantedFor: authority.OwnerText(client.ObjectKeyFromObject(o.cert)),
		Once:          o.cert.Spec.RenewalPolicy == v1alpha1.RenewDisabled,
		RenewalWindow: renewalWindow(&o.cert.Spec, string(o.cert.UID)),
		CurrentCA:     o.standing.CAs, CurrentCASince: o.standing.CASince, RotationSpread: o.rotationSpread,
	}
	if at, err := time.Parse(time.RFC3339, o.cert.Annotations[v1alpha1.AnnotationRenewAt]); err == nil {
		facts.RenewRequestedAt = at
	}
	if o.secret == nil {
		return facts
	}
	facts.SecretExists, facts.KeyOutside = true, o.keyOutside()
	if !o.right.MayRead() { // that of somebody else says nothing of this certificate
		return facts
	}
	facts.CertPEM, facts.KeyPEM = o.secret.Data[corev1.TLSCertKey], o.secret.Data[corev1.TLSPrivateKeyKey]
	facts.CAPEM = o.secret.Data[corev1.ServiceAccountRootCAKey]
	facts.IssuedBy = o.secret.Annotations[v1alpha1.AnnotationIssuedBy]
	facts.IssuedFor = o.secret.Annotations[v1alpha1.AnnotationCertificate]
	facts.IssuedDigest = o.secret.Annotations[v1alpha1.AnnotationSpecDigest]
	facts.IssuedUnder = o.secret.Annotations[v1alpha1.AnnotationIssuedUnder]
	facts.Revoked = o.revoked()
	facts.IssuedAt, _ = time.Parse(time.RFC3339, o.secret.Annotations[v1alpha1.AnnotationIssuedAt])
	if o.undated() {
		facts.IssuedAt = facts.RenewRequestedAt // what was asked for before is answered
	}
	return facts
}

// obstacle says what keeps the spec from being followed, the user's first. due: a new certificate is needed.
func (o *observed) obstacle(due bool) *finding {
	source := o.cert.Annotations[v1alpha1.AnnotationSourceProblem]
	invalid := Problems(o.cert)
	switch {
	case len(invalid) > 0:
		return &finding{v1alpha1.ReasonInvalidSpec, fieldText(invalid)}
	case source != "" && o.cert.Status.Issued.SerialNumber == "":
		// Once there is a certificate, the last good spec is kept and renewed.
		return &finding{v1alpha1.ReasonInvalidSource, source}
	case renewAtInvalid(o.cert):
		return &finding{v1alpha1.ReasonInvalidSpec, "annotation " + v1alpha1.AnnotationRenewAt + " is no RFC 3339 time: write one such as 2030-01-31T12:00:00Z"}
	case o.refused != nil:
		return o.refused
	case o.names.Conflict != "":
		return &finding{v1alpha1.ReasonConflict, "spec.dnsNames: " + o.names.Conflict}
	case o.revocationProblem() != nil:
		return o.revocationProblem()
	case o.outputProblem() != nil:
		return o.outputProblem()
	case o.right.Refused() != nil:
		return &finding{o.right.Refused().Reason, o.right.Refused().Message}
	case due && o.foreignBytes() > mostForeignBytes:
		return &finding{v1alpha1.ReasonSecretNotOurs, "spec.secretName: Secret " + o.cert.Spec.SecretName +
			" has so much other data that a certificate has no room in it: remove keys from it, or name another Secret"}
	case o.noKeyPlace != nil:
		return &finding{v1alpha1.ReasonKeyStorage, o.noKeyPlace.Error()}
	case due && o.keyUnknown != nil:
		return findingOf(o.keyUnknown)
	case due && o.badIssuer != nil:
		return o.badIssuer
	case due && o.issuer == nil:
		return &finding{v1alpha1.ReasonIssuerNotFound, "spec.issuerRef: " + o.cert.Spec.IssuerRef.String() +
			" does not exist: create it, or correct the reference"}
	}
	return nil
}

// retryAt is when the next attempt may be made after a failure. A changed spec or a recovered issuer is tried at once,
// and so is what failed at a time that has not come: the clock was wrong then.
func (o *observed) retryAt(d certs.Decision, now time.Time) time.Time {
	status := o.cert.Status
	if status.LastFailureTime == nil || status.LastFailureTime.After(now) || status.ObservedGeneration != o.cert.Generation || o.issuerChanged(*status.LastFailureTime) {
		return time.Time{}
	}
	return status.LastFailureTime.Add(certs.Backoff(int(status.FailedAttempts), d.NotAfter.Sub(now)))
}

// usable tells whether the pair in the Secret may be pushed: it matches and has not expired. It need not be what the
// spec asks for by now: the old certificate is served until there is a new one.
func (p *plan) usable(now time.Time) bool {
	b := p.decision.Bundle
	return !p.unusable && !p.kept && b.Leaf != nil && (p.keyOutside || b.KeyMatches()) && now.Before(p.decision.NotAfter)
}

func renewAtInvalid(cert *v1alpha1.ApisixCertificate) bool {
	value := cert.Annotations[v1alpha1.AnnotationRenewAt]
	_, err := time.Parse(time.RFC3339, value)
	return value != "" && err != nil
}

func fieldText(problems []certs.FieldError) string {
	var texts []string
	for i, problem := range problems {
		if i == 3 {
			texts = append(texts, "and more")
			break
		}
		texts = append(texts, "spec."+problem.Error())
	}
	return strings.Join(texts, "; ")
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earliest is the earliest of times that is set.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
