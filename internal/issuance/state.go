// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// State is what is known before anything is signed. It holds values alone.
type State struct {
	// ByRequest: the issuer is one that only cert-manager can ask.
	ByRequest bool

	underway   underway
	signableAt time.Time // when the next certificate may be signed
	held       string    // digest of what a held answer answers; empty: none is held
}

// route is a way to get a certificate signed.
type route interface {
	// plan says what is in the way of asking, or that there is an answer. It is pure.
	plan(o Request, d certs.Decision, now time.Time) Verdict
	// issue takes the next step. It gives an answer that was not checked yet, or what is waited for.
	issue(ctx context.Context, i *Issuers, o Request, d certs.Decision, try attempt) (*Response, *finding.Finding, error)
}

func (s State) route() route {
	if s.ByRequest {
		return viaCertManager{s.underway}
	}
	return viaVault{}
}

// Plan says what to do about a certificate that is due. It is pure. The zero Verdict: Issue.
func (s State) Plan(o Request, d certs.Decision, now time.Time) Verdict {
	if s.hasResponse(o) {
		return Verdict{Uncounted: true}
	}
	verdict := s.route().plan(o, d, now)
	if verdict == (Verdict{}) && !Unprovoked(d.Reason) && s.signableAt.After(now) {
		return limitedVerdict(o, d, s.signableAt)
	}
	return verdict
}

// CallsVault reports whether Issue would ask a Vault, and try before that.
func (s State) CallsVault(o Request) bool { return !s.ByRequest && !s.hasResponse(o) }

// hasResponse reports whether an answer is held to what is asked for.
func (s State) hasResponse(o Request) bool { return s.held != "" && s.held == o.digest() }

// Drop reports whether what is on its way is not needed any more; due: a new certificate is. See Issuers.Drop.
func (s State) Drop(o Request, due bool) bool {
	if s.held != "" && !due {
		return true
	}
	return s.underway.key != nil && (!due || o.Issuer != nil && !s.ByRequest)
}

// StartedAt is when it was decided to issue: where cert-manager is asked, in an earlier run.
func StartedAt(s State, now time.Time) time.Time {
	if key := s.underway.key; key != nil {
		return key.created
	}
	return now
}
