// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"slices"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/revocation"
)

// Plan is everything that a run does about a certificate, and why.
type Plan struct {
	// Decision says whether a new certificate is due and why, and what there is.
	Decision certs.Decision
	Secret   SecretAction
	// Held says why nothing is issued though it is due, or why the spec is not followed. Nil: nothing holds it.
	Held *finding.Finding
	// Pending says what a certificate that is on its way waits for.
	Pending *finding.Finding
	// Backoff: the last failure is too fresh to try again.
	Backoff bool
	// Drop: what is on its way at cert-manager is not needed any more.
	Drop bool
	// Provided is about a Secret that somebody else keeps.
	Provided Provided
	Delivery Delivery
	Gateways []GatewayAction
	// Revoke is what may be revoked once no gateway serves it any more.
	Revoke []authority.Revocation
	// Next is the next deadline that the certificate has by itself; zero: none.
	Next time.Time

	target gateway.Target
}

// SecretAction is what is done to the Secret.
type SecretAction string

// Actions on a Secret.
const (
	Keep    SecretAction = "keep"
	Issue   SecretAction = "issue"   // get a new certificate and write it
	Rewrite SecretAction = "rewrite" // write it with the certificate it has, for its labels, annotations or further forms differ
)

// Delivery is what is done at the gateways together.
type Delivery string

// Deliveries.
const (
	Nothing  Delivery = "nothing"
	Push     Delivery = "push"     // each gets the certificate, see Plan.Gateways
	Verify   Delivery = "verify"   // what was pushed before stays, and its key is not at hand
	Withdraw Delivery = "withdraw" // own ssl objects go: no host is left for them
)

// GatewayAction is what is done at one gateway.
type GatewayAction struct {
	Name string
	gateway.Action
	Err error // why that is not known
	// Known is what was seen there before.
	Known gateway.Known
}

// MakePlan makes the plan. It is pure.
func MakePlan(s Snapshot, now time.Time) Plan {
	var p Plan
	if s.Cert.Spec.Push {
		p = planProvided(&s, now)
	} else {
		p = planSecret(&s, now)
	}
	p.target = s.target(p.Decision.Bundle)
	p.Delivery = deliveryOf(&s, &p)
	if p.Delivery == Push {
		p.Gateways = planGateways(&s, &p)
	}
	p.Revoke = toRevoke(s.Cert)
	return p
}

// toRevoke is what may be revoked of what the certificate has replaced.
func toRevoke(cert *v1alpha1.ApisixCertificate) []authority.Revocation {
	if cert.Spec.RevocationPolicy != v1alpha1.RevokeOnReplace || cert.Spec.Push {
		return nil
	}
	return authority.Revocable(&cert.Status, false)
}

// planSecret plans for a Secret of our own.
func planSecret(s *Snapshot, now time.Time) Plan {
	p := Plan{Decision: decide(s, now), Secret: Keep}
	p.Next = p.Decision.Recheck
	p.Drop = s.Issuer.Issuing.Drop(s.Issuer.Order, p.Decision.Issue)
	if p.Held = obstacle(s, p.Decision.Issue); p.Held != nil {
		return p
	}
	if !p.Decision.Issue {
		if !secretFits(s, now) {
			p.Secret = Rewrite
		}
		return p
	}
	verdict := s.Issuer.Issuing.Plan(s.Issuer.Order, p.Decision, now)
	p.Next = earliest(p.Next, verdict.Until)
	if p.Held, p.Pending = verdict.Hold, verdict.Pending; p.Held != nil || p.Pending != nil {
		return p
	}
	if retry := retryAt(s, p.Decision, now); !verdict.Uncounted && now.Before(retry) {
		p.Backoff, p.Next = true, earliest(p.Next, retry)
		return p
	}
	p.Secret = Issue
	return p
}

// decide is certs.Decide and what is no matter of the certificate alone: its key, and the record.
func decide(s *Snapshot, now time.Time) certs.Decision {
	d := certs.Decide(s.Facts, now)
	because := func(reason certs.Reason, message string) certs.Decision {
		d.Issue, d.Reason, d.Message = true, reason, message
		return d
	}
	record := s.Cert.Status.Issued
	switch {
	case d.Issue:
	case s.Keys.Lost != "":
		return because(issuance.KeyLost, s.Keys.Lost)
	case s.Keys.Misplaced != "":
		return because(issuance.KeyMoved, s.Keys.Misplaced)
	case d.Bundle.Leaf != nil && s.Secret.Right.Ours() && record.Issuer != "" && record.NotBefore != nil &&
		!s.recorded(certs.Fingerprint(d.Bundle.Leaf)) && d.Bundle.Leaf.NotBefore.Before(record.NotBefore.Time):
		return because(issuance.SecretReverted, "an older certificate was put back into the Secret")
	}
	return d
}

// obstacle says what keeps the spec from being followed, the user's first. due: a new certificate is needed.
func obstacle(s *Snapshot, due bool) *finding.Finding {
	cert := s.Cert
	source := cert.Annotations[v1alpha1.AnnotationSourceProblem]
	invalid := certspec.Problems(cert)
	unrevocable := revocation.Problem(cert, s.Issuer.Order.Issuer)
	switch {
	case len(invalid) > 0:
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidSpec, Message: certspec.Text(invalid)}
	case source != "" && cert.Status.Issued.SerialNumber == "":
		// Once there is a certificate, the last good spec is kept and renewed.
		return &finding.Finding{Reason: v1alpha1.ReasonInvalidSource, Message: source}
	case renewAtInvalid(cert):
		return finding.New(v1alpha1.ReasonInvalidSpec, "annotation %s is no RFC 3339 time: write one such as 2030-01-31T12:00:00Z", v1alpha1.AnnotationRenewAt)
	case s.Review.Refused != nil:
		return s.Review.Refused
	case s.Review.Names.Conflict != "":
		return &finding.Finding{Reason: v1alpha1.ReasonConflict, Message: "spec.dnsNames: " + s.Review.Names.Conflict}
	case unrevocable != nil:
		return unrevocable
	case s.Forms.Problem() != nil:
		return s.Forms.Problem()
	case s.Secret.Right.Refused() != nil:
		return s.Secret.Right.Refused()
	case due && foreignBytes(s) > mostForeignBytes:
		return finding.New(v1alpha1.ReasonSecretNotOurs,
			"spec.secretName: Secret %s has so much other data that a certificate has no room in it: remove keys from it, or name another Secret", cert.Spec.SecretName)
	case s.Keys.Impossible != nil:
		return s.Keys.Impossible
	case due && s.Keys.Unknown != nil:
		return findingOf(s.Keys.Unknown)
	case due && s.Issuer.Bad != nil:
		return s.Issuer.Bad
	case due && s.Issuer.Order.Issuer == nil && !cert.Spec.Push:
		return finding.New(v1alpha1.ReasonIssuerNotFound, "spec.issuerRef: %s does not exist: create it, or correct the reference", cert.Spec.IssuerRef)
	}
	return nil
}

// retryAt is when the next attempt may be made after a failure. A changed spec or a recovered issuer is tried at once,
// and so is what failed at a time that has not come: the clock was wrong then.
func retryAt(s *Snapshot, d certs.Decision, now time.Time) time.Time {
	status := s.Cert.Status
	if status.LastFailureTime == nil || status.LastFailureTime.After(now) || status.ObservedGeneration != s.Cert.Generation ||
		s.Issuer.Order.Observation.ReadySince.After(status.LastFailureTime.Time) {
		return time.Time{}
	}
	return status.LastFailureTime.Add(certs.Backoff(int(status.FailedAttempts), d.NotAfter.Sub(now)))
}

// deliveryOf is what is done at the gateways with the pair that the Secret holds.
func deliveryOf(s *Snapshot, p *Plan) Delivery {
	switch {
	case p.Provided.Kept:
		return Verify
	case s.Keys.Impossible != nil:
		return Nothing
	case len(s.Review.Hosts) == 0 && s.Review.Names.All():
		return Withdraw
	case p.usable(s) && s.Secret.Right.MayPush() && len(p.target.Hosts) > 0:
		return Push
	}
	return Nothing
}

// usable reports whether the pair in the Secret may be pushed: it matches and a path of it verifies. It need not be what the
// spec asks for by now: the old certificate is served until there is a new one.
func (p *Plan) usable(s *Snapshot) bool {
	b := p.Decision.Bundle
	return !p.Provided.Unusable && !p.Provided.Kept && b.Leaf != nil && (s.Keys.Outside || b.KeyMatches()) && p.Decision.Expired == ""
}

func planGateways(s *Snapshot, p *Plan) []GatewayAction {
	var all []GatewayAction
	for _, at := range s.Gateways.At {
		action := GatewayAction{Name: at.Name, Err: at.Err, Known: knownOf(s, p.target, at.Name)}
		if at.Observed && at.Err == nil {
			action.Action = at.Plan(at.State, p.target)
		}
		all = append(all, action)
	}
	return all
}

// knownOf is what earlier runs have seen of the target at a gateway. That it was served is kept in the status, so that a
// restart needs no handshake.
func knownOf(s *Snapshot, t gateway.Target, name string) gateway.Known {
	status := s.Cert.Status
	known := gateway.Known{Rewritten: s.Seen.rewritten && s.Seen.unserved == t.Fingerprint}
	if s.Seen.suspect || s.Seen.unserved == t.Fingerprint || status.ObservedGeneration != s.Cert.Generation || !s.recorded(t.Fingerprint) {
		return known
	}
	known.Verified = slices.ContainsFunc(status.Gateways, func(g v1alpha1.GatewayStatus) bool { return g.Name == name && g.ServedSerial == t.Serial })
	return known
}

func renewAtInvalid(cert *v1alpha1.ApisixCertificate) bool {
	value := cert.Annotations[v1alpha1.AnnotationRenewAt]
	_, err := time.Parse(time.RFC3339, value)
	return value != "" && err != nil
}

// writes reports whether the action changes something at the gateway.
func (a GatewayAction) writes() bool {
	return slices.Contains([]gateway.Verb{gateway.Put, gateway.Patch, gateway.Make, gateway.Drop, gateway.Renew}, a.Verb)
}

// Empty reports whether the plan changes nothing.
func (p Plan) Empty() bool { return p.String() == "" }

// String is the plan on one line, for the log; empty where it changes nothing. It holds no secret.
func (p Plan) String() string {
	var parts []string
	add := func(words ...string) { parts = append(parts, strings.Join(words, " ")) }
	if p.Secret != Keep {
		why := p.Decision.Message
		if p.Secret == Rewrite {
			why = "its labels, annotations or further forms differ"
		}
		add(string(p.Secret)+":", why)
	}
	if p.Drop {
		add("drop the CertificateRequest")
	}
	if p.Delivery == Withdraw || p.Delivery == Verify {
		add(string(p.Delivery))
	}
	for _, g := range p.Gateways {
		if g.writes() {
			add(string(g.Verb), "at gateway", g.Name+":", g.Why)
		}
	}
	if len(p.Revoke) > 0 {
		add("revoke what was replaced")
	}
	return strings.Join(parts, "; ")
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
