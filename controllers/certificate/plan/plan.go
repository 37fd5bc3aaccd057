// SPDX-License-Identifier: Apache-2.0

// Package plan decides what is done for one certificate: Make returns a complete Plan for a Snapshot. It is pure, and has no
// client, context, clock or logger.
//
//	p := plan.Make(snapshot, now)
//	log.Info("plan", "plan", p.String()) // "issue: the Secret does not exist; put at gateway default: ..."
//
// Planning on the state after a run gives an empty plan.
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

// Plan is everything that a run does for a certificate, and why.
type Plan struct {
	// Decision says whether and why a new certificate is due, and what exists.
	Decision certs.Decision
	Secret   SecretAction
	Waiting
	// Drop means that a pending CertificateRequest is no longer needed.
	Drop bool
	// Provided is the state of a provided Secret.
	Provided Provided
	Delivery Delivery
	Gateways []GatewayAction
	// Withdrawn are the gateways that are known to have an ssl object to delete.
	Withdrawn []string
	// Revoke are the certificates that may be revoked once no gateway serves them.
	Revoke []authority.Revocation
	// Next is the next deadline of the certificate itself. Zero means none.
	Next time.Time

	// Target is the pair in the Secret as the gateways should have it. It contains key material.
	Target gateway.Target
}

// Waiting is what keeps a plan from doing more.
type Waiting struct {
	// Blocked says why a due certificate is not issued, or why the spec is not followed. Nil means that nothing blocks it.
	Blocked *finding.Finding
	// Pending says what a requested certificate is waiting for.
	Pending *finding.Finding
	// Backoff means that it is too early to retry after the last failure.
	Backoff bool
}

// SecretAction is what is done to the Secret.
type SecretAction string

// Actions on a Secret.
const (
	Keep    SecretAction = "keep"
	Issue   SecretAction = "issue"   // get a new certificate and write it
	Rewrite SecretAction = "rewrite" // write it with its current certificate, because labels, annotations or additional output formats differ
)

// Delivery is what is done at all gateways.
type Delivery string

// Deliveries.
const (
	Nothing  Delivery = "nothing"
	Push     Delivery = "push"     // each gateway gets the certificate, see Plan.Gateways
	Verify   Delivery = "verify"   // the previously pushed certificate stays, and its key is not available
	Withdraw Delivery = "withdraw" // the controller's own ssl objects are deleted, because no host is left
)

// GatewayAction is what is done at one gateway.
type GatewayAction struct {
	Name string
	gateway.Action
	Err error // why the action is not known
	// Known is what earlier runs saw there.
	Known gateway.Known
}

// Writes reports whether the action changes something at the gateway.
func (a GatewayAction) Writes() bool {
	return slices.Contains([]gateway.Verb{gateway.ActionPut, gateway.ActionPatch, gateway.ActionMake, gateway.ActionDrop, gateway.ActionRenew}, a.Verb)
}

// Empty reports whether the plan changes nothing.
func (p Plan) Empty() bool { return p.String() == "" }

// String returns the plan on one line for the log, or an empty string if it changes nothing. It contains no secrets.
func (p Plan) String() string {
	var parts []string
	add := func(words ...string) { parts = append(parts, strings.Join(words, " ")) }
	if p.Secret != Keep {
		why := p.Decision.Message
		if p.Secret == Rewrite {
			why = "its labels, annotations or additional output formats differ"
		}
		add(string(p.Secret)+":", why)
	}
	if p.Drop {
		add("delete the CertificateRequest")
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
		add("revoke replaced certificates")
	}
	return strings.Join(parts, "; ")
}
