// SPDX-License-Identifier: Apache-2.0

// Package plan decides what is done about one certificate: Make makes a whole Plan from a Snapshot. It is pure, and has no
// client, context, clock or logger.
//
//	p := plan.Make(snapshot, now)
//	log.Info("plan", "plan", p.String()) // "issue: the Secret does not exist; put at gateway default: ..."
//
// The law is that planning on the state after a run gives an empty plan.
package plan

import (
	"slices"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// Plan is everything that a run does about a certificate, and why.
type Plan struct {
	// Decision says whether a new certificate is due and why, and what there is.
	Decision certs.Decision
	Secret   SecretAction
	Waiting
	// Drop: what is on its way at cert-manager is not needed any more.
	Drop bool
	// Provided is about a Secret that somebody else keeps.
	Provided Provided
	Delivery Delivery
	Gateways []GatewayAction
	// Withdrawn are the gateways that are known to have something to withdraw.
	Withdrawn []string
	// Revoke is what may be revoked once no gateway serves it any more.
	Revoke []authority.Revocation
	// Next is the next deadline that the certificate has by itself; zero: none.
	Next time.Time

	// Target is the pair in the Secret as the gateways should hold it. It has key material.
	Target gateway.Target
}

// Waiting is what keeps a plan from doing more.
type Waiting struct {
	// Held says why nothing is issued though it is due, or why the spec is not followed. Nil: nothing holds it.
	Held *finding.Finding
	// Pending says what a certificate that is on its way waits for.
	Pending *finding.Finding
	// Backoff: the last failure is too fresh to try again.
	Backoff bool
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

// Writes reports whether the action changes something at the gateway.
func (a GatewayAction) Writes() bool {
	return slices.Contains([]gateway.Verb{gateway.ActionPut, gateway.ActionPatch, gateway.ActionMake, gateway.ActionDrop, gateway.ActionRenew}, a.Verb)
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
	if len(p.Withdrawn) > 0 {
		add("withdraw from gateway", strings.Join(p.Withdrawn, ", "))
	}
	for _, g := range p.Gateways {
		if g.Writes() {
			add(string(g.Verb), "at gateway", g.Name+":", g.Why)
		}
	}
	if len(p.Revoke) > 0 {
		add("revoke what was replaced")
	}
	return strings.Join(parts, "; ")
}
