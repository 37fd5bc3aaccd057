// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

// Make makes the plan. It is pure. now is that of the judgement, or a little later.
func Make(s Snapshot, now time.Time) Plan {
	var p Plan
	if s.Cert.Spec.Provided {
		p = planProvided(&s, now)
	} else {
		p = planSecret(&s, now)
	}
	p.Target = s.TargetOf(p.Decision.Bundle)
	p.Delivery = deliveryOf(&s, &p)
	switch p.Delivery {
	case Push:
		p.Gateways = planGateways(&s, &p)
	case Withdraw:
		p.Withdrawn = holding(s.Cert.Status.Gateways)
	}
	p.Revoke = ToRevoke(s.Cert)
	return p
}

// ToRevoke is what may be revoked of what the certificate has replaced.
func ToRevoke(cert *v1alpha1.ApisixCertificate) []authority.Revocation {
	if cert.Spec.RevocationPolicy != v1alpha1.RevokeOnReplace || cert.Spec.Provided {
		return nil
	}
	return authority.Revocable(&cert.Status, false)
}

// planSecret plans for a Secret of our own.
func planSecret(s *Snapshot, now time.Time) Plan {
	p := Plan{Decision: decide(s), Secret: Keep}
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
	p.Next = Earliest(p.Next, verdict.Until)
	if p.Held, p.Pending = verdict.Hold, verdict.Pending; p.Held != nil || p.Pending != nil {
		return p
	}
	if retry := retryAt(s, p.Decision, now); !verdict.Uncounted && now.Before(retry) {
		p.Backoff, p.Next = true, Earliest(p.Next, retry)
		return p
	}
	p.Secret = Issue
	return p
}

// decide is the judgement and what is no matter of the certificate alone: its key, and the record.
func decide(s *Snapshot) certs.Decision {
	d := s.Judgement.Decision
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
		!s.Recorded(certs.Fingerprint(d.Bundle.Leaf)) && d.Bundle.Leaf.NotBefore.Before(record.NotBefore.Time):
		return because(issuance.SecretReverted, "an older certificate was put back into the Secret")
	}
	return d
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
	case s.Keys.Impossible != nil, s.Review.NoGateway != nil:
		return Nothing
	case len(s.Review.Hosts) == 0 && s.Review.Names.All():
		return Withdraw
	case p.usable(s) && s.Secret.Right.MayPush() && len(p.Target.Hosts) > 0:
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

// holding are those that hold an ssl object.
func holding(gateways []v1alpha1.GatewayStatus) []string {
	var names []string
	for _, g := range gateways {
		if g.SSLID != "" {
			names = append(names, g.Name)
		}
	}
	return names
}

func planGateways(s *Snapshot, p *Plan) []GatewayAction {
	var all []GatewayAction
	for _, at := range s.Gateways.At {
		action := GatewayAction{Name: at.Name, Err: at.Err, Known: knownOf(s, p.Target, at.Name)}
		if at.Observed && at.Err == nil {
			action.Action = at.Plan(at.State, p.Target)
		}
		all = append(all, action)
	}
	return all
}

// knownOf is what earlier runs have seen of the target at a gateway. That it was served is kept in the status, so that a
// restart needs no handshake.
func knownOf(s *Snapshot, t gateway.Target, name string) gateway.Known {
	status := s.Cert.Status
	known := gateway.Known{Rewritten: s.Seen.Rewritten && s.Seen.Unserved == t.Fingerprint}
	if s.Seen.ForceVerify || s.Seen.Unserved == t.Fingerprint || status.ObservedGeneration != s.Cert.Generation || !s.Recorded(t.Fingerprint) {
		return known
	}
	known.Verified = slices.ContainsFunc(status.Gateways, func(g v1alpha1.GatewayStatus) bool { return g.Name == name && g.ServedSerial == t.Serial })
	return known
}
